package config

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/spec"
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

func TestAddresses(t *testing.T) {
	tried(t, "probeAddress", probeAddress,
		[]string{"127.0.0.1:1", "localhost:65535", "[::1]:80"},
		[]string{"", ":", "80", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1:80", "0.0.0.0:80", "example.org:80", "127.0.0.1:80/x", "127.0.0.1:http", "127.0.0.1:+1"})
	tried(t, "grpcAddress", grpcAddress,
		[]string{"127.0.0.1:1", "localhost:1/orders", "[::1]:1/a.b.C", "127.0.0.1:1/a/b"},
		[]string{"", "/x", "127.0.0.1:1/", "127.0.0.1:1/a b", "127.0.0.1:1/\x00", "127.0.0.1/x", "example.org:1/x", "127.0.0.1:1/" + strings.Repeat("a", 201)})
	tried(t, "socketPath", socketPath,
		[]string{"/run/x.sock", "/" + strings.Repeat("a", 106)},
		[]string{"", "/", "x", "./x", "/run/../x", "/run/", "/a\x00", "/" + strings.Repeat("a", 107)})
	for _, c := range []struct {
		probe spec.Probe
		want  int
	}{
		{spec.Probe{}, 0},
		{spec.Probe{FD: 3}, 0},
		{spec.Probe{HTTP: "http://127.0.0.1/x"}, 80},
		{spec.Probe{HTTP: "https://localhost"}, 443},
		{spec.Probe{HTTP: "https://[::1]:8443/x"}, 8443},
		{spec.Probe{TCP: "127.0.0.1:5432"}, 5432},
		{spec.Probe{GRPC: "[::1]:50051/a/b"}, 50051},
		{spec.Probe{HTTP: "http://127.0.0.1:3000/", Socket: "/run/x"}, 0},
	} {
		if got := askedPort(&c.probe); got != c.want {
			t.Errorf("%+v asks port %d, want %d", c.probe, got, c.want)
		}
	}
}

func TestProbeTexts(t *testing.T) {
	tried(t, "statusRanges", statusRanges,
		[]string{"200", "200-299", "100-599", "200-200", "200-299, 304", "204,200-201"},
		[]string{"", ",", "99", "600", "200-", "-299", "299-200", "200-299-300", "2xx", "+200", "0200", "200;201", "200,"})
	tried(t, "headerName", headerName(),
		[]string{"X", "X-Y", "Content-Type", "x_y"},
		[]string{"", "X Y", "X:", "X\n", "é", "(", strings.Repeat("a", 101)})
	tried(t, "headerValue", headerValue,
		[]string{"", "a b", "a\tb", "é"},
		[]string{"a\nb", "a\rb", "\x00", "\x7f"})
	tried(t, "regularExpression", regularExpression,
		[]string{"a", "^listening on .*$", `\bok\b`, "(?i)ready"},
		[]string{"", "(", "*", "a**", `\8`, "[z-a]", "a{1001}", "(?=a)", "\xff"})
}

func TestUserAndGroup(t *testing.T) {
	tried(t, "userAndGroup", userAndGroup(),
		[]string{"a", "root", "0", "1000:1000", "www-data:adm", "4294967294", "_apt:0", "A.b"},
		[]string{"", ":", "a:", ":a", "a:b:c", "1a", "-1", "007", "4294967295", "99999999999", "a b", "a\n", strings.Repeat("a", 33), "é"})
}

func TestS6Folder(t *testing.T) {
	tried(t, "s6Folder", s6Folder,
		[]string{"a", "sandbox/s6/a", "/etc/s6/a", "/srv", "..a"},
		[]string{"", ".", "/", "..", "../a", "a/../..", "a/../../b", "./a", "a//b", "/a/", "/a/../b", "/../a", "a\x00", "/a\x00"})
}

// reads runs a scalar over texts; a text that maps to nothing is refused.
func reads[V comparable](t *testing.T, s scalar[V], texts map[string]any) {
	t.Helper()
	for text, want := range texts {
		got, bad := s.parse(text)
		if bad == nil && any(got) != want || (bad == nil) != (want != nil) {
			t.Errorf("%q is %v, %v; want %v", text, got, bad, want)
		}
	}
}

func TestLimitScalars(t *testing.T) {
	reads(t, umask(), map[string]any{
		"022": "0022", "0027": "0027", "777": "0777", "000": "0000",
		"": nil, "27": nil, "8": nil, "0888": nil, "1777": nil, "00022": nil, "0o27": nil, "-22": nil,
	})
	reads(t, decimal(0.01, 1024), map[string]any{
		"1": 1.0, "1.5": 1.5, "0.01": 0.01, "1024": 1024.0, "010": 10.0,
		"": nil, "0": nil, "0.009": nil, "1024.1": nil, "1e1": nil, ".5": nil, "1.": nil, "-1": nil, "NaN": nil, "Inf": nil, "0x1": nil, "1_0": nil,
	})
	reads(t, signalName(), map[string]any{
		"SIGINT": "SIGINT", "INT": "SIGINT", "TERM": "SIGTERM", "SIGKILL": "SIGKILL",
		"": nil, "SIG": nil, "int": nil, "SIGSTOP": nil, "2": nil, "SIGSIGINT": nil,
	})
	reads(t, capability(), map[string]any{
		"ALL": "ALL", "NET_RAW": "NET_RAW", "CAP_NET_RAW": "NET_RAW", "CAP_CAP_NET_RAW": nil,
		"": nil, "CAP_": nil, "CAP_ALL": nil, "all": nil, "net_raw": nil,
	})
	for _, u := range ulimits() {
		top := strconv.FormatInt(u.max, 10)
		texts := map[string]any{
			"0": int64(0), top: u.max, "unlimited": int64(-1), "-1": int64(-1),
			"": nil, "-2": nil, "1.5": nil, "8MB": nil, "9223372036854775808": nil, "UNLIMITED": nil,
		}
		if u.bounded {
			texts["unlimited"], texts["-1"] = nil, nil
		}
		reads(t, u.bound(), texts)
	}
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

func TestParseSize(t *testing.T) {
	if n, err := ParseSize("20GB", 1, 1<<50); n != 20_000_000_000 || err != nil {
		t.Errorf("20GB is %d, %v", n, err)
	}
	if _, err := ParseSize("20 elephants", 1, 1<<50); err == nil || !strings.Contains(err.Error(), "a size is a whole number and its unit") {
		t.Errorf("got %v", err)
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
