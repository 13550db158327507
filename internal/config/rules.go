package config

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sandwright/sandwright/internal/spec"
)

// lazy is an expression that is compiled when it is first used: most files ask for
// few of the rules.
func lazy(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// nameRule makes the rule for names that the user chooses.
func nameRule(expression, why string) func(string) *reason {
	re := lazy("^(?:" + expression + ")$")
	return func(name string) *reason {
		if !re().MatchString(name) {
			return &reason{why: why}
		}
		return nil
	}
}

func plainName() func(string) *reason {
	return nameRule(`[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}`, "it is 1 to 63 letters, digits, dots, dashes or underscores, and starts with a letter or digit")
}

// serviceName accepts a plain name that is free in every folder where a
// service has a file of its name: its log, its run folder and its cgroup.
func serviceName() func(string) *reason {
	plain := plainName()
	kernel := lazy(`^(tasks|notify_on_release|release_agent|(cgroup|cpu|cpuacct|cpuset|memory|pids|io|blkio|hugetlb|rdma|misc|freezer|devices)\..*)$`)
	return func(name string) *reason {
		switch {
		case plain(name) != nil:
			return plain(name)
		case kernel().MatchString(name):
			return &reason{"it is the name of a file in the kernel's cgroup folders", "choose another name"}
		case name == path.Base(spec.SocketPath):
			return &reason{"it is the name of the supervisor's own socket", "choose another name"}
		}
		return nil
	}
}

func variableName() func(string) *reason {
	return nameRule(`[A-Za-z_][A-Za-z0-9_]*`, "it is letters, digits and underscores, and does not start with a digit")
}

// notEmpty refuses the empty text, and NUL bytes, which no argument can hold.
func notEmpty(text string) *reason {
	if strings.TrimSpace(text) == "" {
		return &reason{why: "it is empty"}
	}
	return noNUL(text)
}

func noNUL(text string) *reason {
	if strings.ContainsRune(text, 0) {
		return &reason{why: "it holds a NUL byte"}
	}
	return nil
}

// below accepts a clean relative path that does not leave its folder.
func below(text string) *reason {
	if clean := path.Clean(text); clean == ".." || strings.HasPrefix(clean, "../") {
		return &reason{why: "it leaves its folder"}
	}
	return relative(text)
}

// relative accepts a clean relative path.
func relative(text string) *reason {
	switch {
	case text == "" || noNUL(text) != nil:
		return &reason{why: "it is not a path"}
	case strings.HasPrefix(text, "/"):
		return &reason{why: "it is absolute, and a relative path is wanted"}
	case path.Clean(text) != strings.TrimSuffix(text, "/"):
		return &reason{"it is not the shortest form of the path", "write " + path.Clean(text)}
	}
	return nil
}

// boxFolder accepts a clean absolute path that is not the system's own.
func boxFolder(text string) *reason {
	switch {
	case noNUL(text) != nil:
		return noNUL(text)
	case !strings.HasPrefix(text, "/"):
		return &reason{why: "it is relative, and an absolute path is wanted"}
	case path.Clean(text) != text:
		return &reason{"it is not the shortest form of the path", "write " + path.Clean(text)}
	case systemFolder(text):
		return &reason{"it belongs to the system", "such as /home/sandwright/src/app or /srv/app"}
	}
	return nil
}

// s6Folder accepts a folder of the workspace that is not the workspace itself,
// or an absolute path in the box.
func s6Folder(text string) *reason {
	switch {
	case !strings.HasPrefix(text, "/"):
		if bad := below(text); bad != nil || text != "." {
			return bad
		}
		return &reason{"it is the workspace itself", "such as sandbox/s6-daemons/legacy"}
	case noNUL(text) != nil:
		return noNUL(text)
	case text == "/":
		return &reason{"it is the box itself", "such as /etc/services/legacy"}
	case path.Clean(text) != text:
		return &reason{"it is not the shortest form of the path", "write " + path.Clean(text)}
	}
	return nil
}

// boxPath accepts a clean absolute path.
func boxPath(text string) *reason {
	switch {
	case noNUL(text) != nil:
		return noNUL(text)
	case !strings.HasPrefix(text, "/") || text == "/":
		return &reason{"it is relative, and an absolute path in the box is wanted", "such as /run/web.sock"}
	case path.Clean(text) != text:
		return &reason{"it is not the shortest form of the path", "write " + path.Clean(text)}
	}
	return nil
}

// systemFolder tells whether putting files at dir would hide or break a part
// of the base.
func systemFolder(dir string) bool {
	whole := []string{
		"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run", "/sbin", "/sys",
		"/usr/bin", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/libx32", "/usr/sbin", "/usr/share",
		"/var/cache", "/var/lib", "/var/log", "/var/run",
	}
	itself := []string{"/", "/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/usr", "/usr/local", "/usr/local/bin", "/var", "/var/tmp"}
	return slices.Contains(itself, dir) || slices.ContainsFunc(whole, func(s string) bool {
		return dir == s || strings.HasPrefix(dir, s+"/")
	})
}
