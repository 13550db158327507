//go:build !linux

package fetch

import "syscall"

// processGroup makes a command the leader of a group. Only Linux isolates.
func processGroup(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
