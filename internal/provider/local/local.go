// Package local runs sandboxes on this machine with runc: one shim process a
// sandbox, which is the first process of its own pid and mount namespaces. So
// when a shim dies, however it dies, the kernel takes every process and every
// mount of its sandbox along.
package local

// Options say where sandboxes are kept and how they are run.
type Options struct {
	StateDir string   // one directory a running sandbox; removed with it
	Self     []string // runs RunShim in a process of its own; default /proc/self/exe shim
	Runtime  string   // OCI runtime, a name in PATH or a path; default runc
}
