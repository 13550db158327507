// Package svlog writes what a service says into a log directory with the file
// names and file states of s6-log: `current` while in use, `@<tai64n>.s` once
// finished, `@<tai64n>.u` when its writer died. Each line is stamped, files
// are rotated by size and fsynced when they are, and only so many are kept.
// Reading and writing stamps works everywhere, logging on Linux.
package svlog
