package cgroup

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	const hybrid = `30 20 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
31 20 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
32 20 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
33 20 0:29 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
`
	tests := map[string]struct{ groups, mounts, want string }{
		"hybrid": {"9:name=systemd:/\n4:memory:/a/b\n2:cpuacct,cpu:/\n0::/\n", hybrid,
			"[/sys/fs/cgroup/systemd name=systemd] [/sys/fs/cgroup/memory/a/b memory] [/sys/fs/cgroup/cpu,cpuacct cpuacct,cpu] [/sys/fs/cgroup/unified 2]"},
		"a container with the host's names":   {"0::/docker/1\n", "1 2 0:3 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "[/sys/fs/cgroup 2]"},
		"a container with names of its own":   {"0::/\n", "1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "[/sys/fs/cgroup 2]"},
		"a group above what is mounted":       {"0::/\n", "1 2 0:3 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n", ""},
		"a group outside the namespace":       {"0::/../x\n", "1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", ""},
		"a group beside what is mounted":      {"0::/docker/12\n", "1 2 0:3 /docker/1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n", ""},
		"the second mount":                    {"0::/docker/2/x\n", "1 2 0:3 /docker/1 /a rw - cgroup2 c rw\n1 2 0:3 /docker/2 /b\\040c rw - cgroup2 c rw\n", "[/b c/x 2]"},
		"a controller that is not mounted":    {"4:memory:/\n", "1 2 0:3 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n", ""},
		"a colon in the path":                 {"0::/a:b\n", "1 2 0:3 / /c rw - cgroup2 cgroup rw\n", "[/c/a:b 2]"},
		"nothing":                             {"", hybrid, ""},
		"not a line":                          {"0:/\nx\n", hybrid, ""},
		"other file systems, lines cut short": {"0::/\n", "1 2 0:3 / / rw - ext4 /dev/vda rw\n1 2\n1 2 3 4 5 - cgroup2\n", ""},
	}
	for name, tt := range tests {
		var got []string
		for _, p := range places(tt.groups, tt.mounts) {
			what := strings.Join(p.controllers, ",")
			if p.unified {
				what += "2"
			}
			got = append(got, fmt.Sprintf("[%s %s]", p.dir, what))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// Whatever the two files say, a place is an absolute path, below a mount point.
func FuzzPlaces(f *testing.F) {
	f.Add("/a/b", "/", "/sys/fs/cgroup")
	f.Add("/../..", "/", "/m")
	f.Add("/docker/1/../../x", "/docker/1", "/m")
	f.Add("x", "", "")
	f.Fuzz(func(t *testing.T, group, root, point string) {
		groups := "0::" + group + "\n4:memory:" + group + "\n"
		mounts := fmt.Sprintf("1 2 0:3 %s %s rw - cgroup2 c rw\n1 2 0:3 %s %s rw - cgroup c rw,memory\n", root, point, root, point)
		for _, p := range places(groups, mounts) {
			if !filepath.IsAbs(p.dir) || p.dir != filepath.Clean(p.dir) {
				t.Errorf("%q", p.dir)
			}
		}
		places(group, mounts)
		places(groups, group)
	})
}
