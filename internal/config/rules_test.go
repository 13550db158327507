package config

import (
	"strings"
	"testing"
)

// tried runs one rule over texts that it must accept and refuse.
func tried(t *testing.T, name string, rule func(string) *reason, yes, no []string) {
	t.Helper()
	for _, text := range yes {
		if bad := rule(text); bad != nil {
			t.Errorf("%s refuses %q: %s", name, text, bad.why)
		}
	}
	for _, text := range no {
		bad := rule(text)
		if bad == nil {
			t.Errorf("%s accepts %q", name, text)
		} else if bad.why == "" || strings.HasSuffix(bad.why, ".") {
			t.Errorf("%s says %q of %q", name, bad.why, text)
		}
	}
}

func TestRules(t *testing.T) {
	long := strings.Repeat("a", 63)
	tried(t, "serviceName", serviceName(),
		[]string{"a", "A-b_c.d", "0", long, "memory", "cgroups.x"},
		[]string{"", ".", "..", "-a", "_a", "a/b", "a b", "é", long + "a", "a\n", "a\x00", "tasks", "memory.max", "cgroup.procs", "control.sock"})
	tried(t, "variableName", variableName(),
		[]string{"A", "_", "a1", "NODE_ENV"},
		[]string{"", "1A", "A-B", "A B", "É", "A=", "A\n"})
	tried(t, "notEmpty", notEmpty,
		[]string{"a", " a "},
		[]string{"", " ", "\n", "a\x00"})
	tried(t, "below", below,
		[]string{".", "a", "a/b", "..a", "a..", "...", "a/"},
		[]string{"", "/", "/a", "..", "../a", "a/../..", "./a", "a//b", "a/./b", "a\x00"})
	tried(t, "relative", relative,
		[]string{".", "..", "../..", "../a", "a"},
		[]string{"", "/", "./a", "a/..", "a\x00b"})
	tried(t, "boxFolder", boxFolder,
		[]string{"/app", "/home/a", "/srv/a", "/usr/src/a", "/opt/a", "/var/www", "/tmp/a"},
		[]string{"", "a", ".", "/", "//", "/a/", "/a/../b", "/usr", "/usr/lib/x", "/proc/self", "/etc", "/root", "/var/lib/x", "/a\x00"})
}

func TestProbeURL(t *testing.T) {
	tried(t, "probeURL", probeURL,
		[]string{"http://127.0.0.1", "http://127.0.0.1:3000/a?b=c", "http://localhost:1/", "http://[::1]:65535/", "https://127.0.0.1/"},
		[]string{
			"", "http://", "http:///x", "127.0.0.1:3000", "//127.0.0.1/", "ftp://127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/",
			"http://127.0.0.1.example.org/", "http://example.org/", "http://127.0.0.1@example.org/", "http://u@127.0.0.1/", "http://127.0.0.1/#a",
			"http://127.0.0.1:x/", "http://%zz/", "unix:///run/x", "http://0.0.0.0/",
		})
}

func TestNPMSpec(t *testing.T) {
	tried(t, "npmSpec", npmSpec,
		[]string{
			"pnpm@10.28.0", "@a/b@1.2.3", "node-linux-{arch}@22.23.3", "@openai/codex@0.98.0-linux-{arch}",
			"a@1.0.0-rc.1", "a@1.0.0+build.5", "lodash.merge@4.6.2",
		},
		[]string{
			"", "@", "pnpm", "pnpm@", "@a/b", "pnpm@10", "pnpm@10.28", "pnpm@latest", "pnpm@^1.0.0", "pnpm@~1.0.0", "pnpm@1.x", "pnpm@>=1.0.0",
			"pnpm@v1.0.0", "pnpm@*", "PNPM@1.0.0", "a b@1.0.0", "../a@1.0.0", "@a@1.0.0", "a/b@1.0.0", "npm:a@1.0.0@", "file:x@1.0.0",
			"a@1.0.0\n", "https://example.org/a@1.0.0", "a@1.0.0 ", "{os}@1.0.0",
		})
}

func TestSizes(t *testing.T) {
	s := size(4096, 1<<30)
	for text, want := range map[string]int64{
		"4096": 4096, "4096B": 4096, "5kB": 5000, "5KB": 5000, "1MB": 1_000_000, "1 MB": 1_000_000, "1GB": 1_000_000_000,
		"4KiB": 4096, "1MiB": 1 << 20, "1GiB": 1 << 30,
		"": 0, "4095": 0, "2GiB": 0, "1.5MB": 0, "MB": 0, "-1MB": 0, "1mb": 0, "1M": 0, "1  MB": 0, "1TB": 0, "9999999999999": 0, "999999999999GB": 0,
	} {
		got, bad := s.parse(text)
		if got != want || (bad == nil) != (want != 0) {
			t.Errorf("%q is %d, %v; want %d", text, got, bad, want)
		}
	}
}

func TestPorts(t *testing.T) {
	for text, want := range map[string]Port{
		"1": {1, 1}, "65535": {65535, 65535}, "3000:80": {3000, 80}, "0:80": {0, 80}, "080": {80, 80},
		"": {}, "0": {}, "65536": {}, "1:0": {}, "65536:1": {}, "1:": {}, ":1": {}, "1:2:3": {}, "a": {}, "-1": {}, "1-2": {}, "1/udp": {}, "999999": {},
	} {
		got, bad := parsePort(text)
		if got != want || (bad == nil) != (want != Port{}) {
			t.Errorf("%q is %v, %v; want %v", text, got, bad, want)
		}
	}
}

func TestClip(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"short":                            "short",
		strings.Repeat("é", 60):            strings.Repeat("é", 60),
		strings.Repeat("é", 61):            strings.Repeat("é", 60) + "…",
		"postgres://user:pw@host/db":       "postgres://…@host/db",
		"http://h/x@y":                     "http://h/x@y",
		"a http://u:p@h and ftp://q@i end": "a http://…@h and ftp://…@i end",
	} {
		if got := clip(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
