package vartype

import (
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sandwright/sandwright/internal/spec"
)

// A sample is texts that a rule takes and refuses.
type sample struct {
	rule    spec.Rule
	yes, no []string
}

func samples() []sample {
	long := strings.Repeat("a", 250)
	return []sample{
		{spec.Rule{}, []string{"", "x", "é\n"}, []string{"a\x00b", "\xff"}},
		{spec.Rule{Type: String}, []string{"", "1"}, []string{"\x00"}},
		{spec.Rule{Type: Int}, []string{"0", "-1", "+7", "9223372036854775807"}, []string{"", "1.0", "x", "1_000", "0x10", "9223372036854775808", "1e3", " 1", "1\n"}},
		{spec.Rule{Type: Float}, []string{"0", "-1.5", ".5", "5.", "1e3", "1.5E-7"}, []string{"", "x", "NaN", "Inf", "0x1p2", "1_0", "1e999", "1,5", ".", "e3"}},
		{spec.Rule{Type: Bool}, []string{"true", "false", "1", "0"}, []string{"", "yes", "True", "TRUE", "t", "on", "2"}},
		{spec.Rule{Type: Port}, []string{"1", "80", "9999", "10000", "59999", "65535"}, []string{"", "0", "-1", "65536", "70000", "http", "80.0", "+80", "080"}},
		{spec.Rule{Type: URL}, []string{"http://x", "postgres://u:p@h:5432/db?x=1", "https://[::1]:8080/a#b", "redis://:p%40ss@h/0", "git+ssh://git@example.com/x.git", "http://a_b.c"},
			[]string{"", "x", "example.org", "//host", "http://", "mailto:a@b", ":x", "http://h h", "http://h:99999", "http://h:x/", "http://h/%zz", "1http://h", "http://[::1/", "http://u@/x"}},
		{spec.Rule{Type: URL, Schemes: []string{"https", "git+ssh"}}, []string{"https://h", "git+ssh://h"}, []string{"http://h", "HTTPS://h", "gitssh://h", "xhttps://h"}},
		{spec.Rule{Type: Host}, []string{"localhost", "db.internal", "a_b", "3com.example", "xn--bcher-kva.ch", "10.0.0.1", "::1", "fe80::1:2", "::ffff:1.2.3.4", "example.org.", "1-2"},
			[]string{"", "a b", "-a", "a-", "a..b", "300.1.1.1", "1.2.3", "[::1]", "fe80::1%eth0", "h:80", "http://h", ":::", "é", long + ".example"}},
		{spec.Rule{Type: HostPort}, []string{"db:5432", "127.0.0.1:1", "[::1]:65535"}, []string{"", "db", ":80", "db:0", "db:65536", "::1:80", "db:80/x"}},
		{spec.Rule{Type: Email}, []string{"ops@example.com", "a.b+c@x", "o'neil@a-b.example"}, []string{"", "a", "a@", "@b", "a b@c", "a@b_c", "a@-b", "a@b..c", "A <a@b>"}},
		{spec.Rule{Type: Duration}, []string{"0", "1s", "1h30m", "1.5s", "500ms"}, []string{"", "1", "-1s", "1d", "s", "1 s", ".5s", "999999999h"}},
		{spec.Rule{Type: Bytes}, []string{"0", "10", "10B", "10MB", "64 KiB", "1GB", "2TiB", "5kB"}, []string{"", "-1", "1.5MB", "10mb", "MB", "10kiB", "10iB", "10  MB", "999999999999TiB", "9999999999999"}},
		{spec.Rule{Type: Enum, Values: []string{"a.c", "b|"}}, []string{"a.c", "b|"}, []string{"", "abc", "b", "A.C"}},
		{spec.Rule{Type: Regex, Pattern: "a|bc"}, []string{"a", "bc"}, []string{"", "ab", "xa", "abc", "a\n"}},
		{spec.Rule{Type: Path}, []string{"a", "/a/b", "../x y"}, []string{"", "a\x00"}},
		{spec.Rule{Type: Path, Exists: true}, []string{"/", "/nowhere"}, []string{"", "a", "./a"}},
		{spec.Rule{Type: JSON}, []string{"1", "{}", ` [1, "a"] `}, []string{"", "{", "a", "{a:1}", "1 2"}},
		{spec.Rule{Type: JSON, Schema: `{"type":"object","required":["id"]}`}, []string{`{"id":1}`}, []string{"{}", "[]", "1", "{"}},
		{spec.Rule{Type: Base64}, []string{"", "aGk=", "aGk", "_-8", "+/8="}, []string{"a", "aG=k", "aGk==", "a b", "+-aa", "====", "aGkx="}},
		{spec.Rule{Type: Base64, MinBytes: 3}, []string{"aGkh", "aGkhaA=="}, []string{"", "aGk=", "aGk"}},
		{spec.Rule{Type: List}, []string{"a", "a,b", " a , b c "}, []string{"", ",", "a,", "a,,b", " , "}},
		{spec.Rule{Type: List, Items: Int, Separator: ";"}, []string{"1", "1; 2;3"}, []string{"", "1,2", "1;x", "1;"}},
		{spec.Rule{Type: List, Items: Host, Separator: " "}, []string{"a ::1"}, []string{"a  b", "a:1"}},
		{spec.Rule{Type: Cron}, []string{"* * * * *", "*/5 0-6 1,15 JAN-MAR mon", "0 3 * * 1", "@daily", "59 23 31 12 7"},
			[]string{"", "* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "@reboot-x", "* * * * * *", "*/0 * * * *", "a * * * *"}},
		{spec.Rule{Type: Semver}, []string{"1.2.3", "0.0.0", "1.0.0-rc.1+build.5", "1.0.0-0a"}, []string{"", "1.2", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+"}},
		{spec.Rule{Type: "number"}, nil, []string{"", "1"}},
	}
}

func TestFits(t *testing.T) {
	var c Checker
	for _, s := range samples() {
		for _, text := range s.yes {
			if ok, detail := c.Fits(s.rule, text); !ok {
				t.Errorf("%q is not %+v: %s", text, s.rule, detail)
			}
		}
		for _, text := range s.no {
			if ok, _ := c.Fits(s.rule, text); ok {
				t.Errorf("%q is %+v", text, s.rule)
			}
		}
	}
}

// Every type has samples, words and a pattern that takes what it takes.
func TestEveryType(t *testing.T) {
	for _, vt := range All() {
		found := 0
		for _, s := range samples() {
			if s.rule.Type != vt {
				continue
			}
			found += len(s.yes) * len(s.no)
			re := regexp.MustCompile(`^(?:` + Pattern(s.rule) + `)$`)
			for _, text := range s.yes {
				if vt != JSON && !re.MatchString(text) {
					t.Errorf("the pattern of %+v refuses %q", s.rule, text)
				}
			}
		}
		want := Want(spec.Rule{Type: vt, Values: []string{"a"}, Pattern: "b"})
		if found == 0 || want == "" || strings.HasSuffix(want, ".") || strings.Contains(want, "\n") {
			t.Errorf("%s: %d samples, %q", vt, found, want)
		}
	}
}

func TestStands(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := Checker{Stat: func(path string) (fs.FileInfo, error) { return os.Stat(path) }}
	for _, tt := range []struct {
		rule spec.Rule
		path string
		want bool
	}{
		{spec.Rule{Type: Path}, dir + "/nope", true},
		{spec.Rule{Type: Path, Exists: true}, dir + "/nope", false},
		{spec.Rule{Type: Path, Exists: true}, file, true},
		{spec.Rule{Type: Path, Kind: "file"}, file, true},
		{spec.Rule{Type: Path, Kind: "file"}, dir, false},
		{spec.Rule{Type: Path, Kind: "dir"}, dir, true},
		{spec.Rule{Type: Path, Kind: "dir"}, file, false},
		{spec.Rule{Type: Path, Kind: "file"}, "/dev/null", false},
		{spec.Rule{Type: Path, Exists: true}, "file", false},
	} {
		if got, _ := c.Fits(tt.rule, tt.path); got != tt.want {
			t.Errorf("%+v, %s: %v", tt.rule, tt.path, got)
		}
	}
}

func TestDetail(t *testing.T) {
	var c Checker
	for text, want := range map[string]string{"1,x": "item 2 is not an int, an int is a whole number", "1,2": ""} {
		if _, got := c.Fits(spec.Rule{Type: List, Items: Int}, text); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
	if _, got := c.Fits(spec.Rule{Type: JSON, Schema: `{"properties":{"a":{"type":"string"}}}`}, `{"a":1}`); got != "/a: it is not of type string" {
		t.Errorf("got %q", got)
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{"7": 7, "7B": 7, "7kB": 7000, "7 MB": 7e6, "7KiB": 7 << 10, "7GiB": 7 << 30, "1TB": 1e12, "9007199254740991": 1<<53 - 1} {
		if got, ok := ParseBytes(text); !ok || got != want {
			t.Errorf("%s is %d, %v", text, got, ok)
		}
	}
}

// The patterns say of a text what the standard library says of it.
func FuzzPatterns(f *testing.F) {
	for _, s := range samples() {
		for _, text := range append(s.yes, s.no...) {
			f.Add(text)
		}
	}
	whole := func(r spec.Rule) *regexp.Regexp { return regexp.MustCompile(`^(?:` + Pattern(r) + `)$`) }
	host, address, plain := whole(spec.Rule{Type: Host}), regexp.MustCompile(`^(?:`+ipv6()+`|`+ipv4+`)$`), whole(spec.Rule{Type: URL})
	exacts := map[spec.ValueType]*regexp.Regexp{HostPort: whole(spec.Rule{Type: HostPort}), URL: plain, Cron: whole(spec.Rule{Type: Cron})}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return
		}
		var c Checker
		addr, err := netip.ParseAddr(text)
		if isAddr := err == nil && addr.Zone() == ""; isAddr != address.MatchString(text) {
			t.Errorf("%q is an address: %v, the pattern disagrees", text, isAddr)
		}
		if ok, _ := c.Fits(spec.Rule{Type: Host}, text); ok != (host.MatchString(text) && len(text) <= 253) {
			t.Errorf("%q is a host: %v, the pattern disagrees", text, ok)
		}
		for _, vt := range []spec.ValueType{HostPort, URL, Cron} {
			exact := exacts[vt].MatchString(text)
			if ok, _ := c.Fits(spec.Rule{Type: vt}, text); ok != exact {
				t.Errorf("%q is %s: %v, the pattern disagrees", text, vt, ok)
			}
		}
		if u, err := url.Parse(text); plain.MatchString(text) && (err != nil || u.Scheme == "" || u.Host == "") {
			t.Errorf("%q is a url, but net/url says %v", text, err)
		}
		if ok, _ := c.Fits(spec.Rule{Type: Duration}, text); ok {
			if d, err := time.ParseDuration(text); err != nil || d < 0 {
				t.Errorf("%q is a duration, but time says %v, %v", text, d, err)
			}
		}
		for _, vt := range All() {
			first, _ := c.Fits(spec.Rule{Type: vt, Values: []string{"a"}, Pattern: "[a-z]+"}, text)
			again, _ := c.Fits(spec.Rule{Type: vt, Values: []string{"a"}, Pattern: "[a-z]+"}, text)
			if first != again {
				t.Errorf("%q is %s once only", text, vt)
			}
		}
	})
}

// BenchmarkFits is one variable of each type that has a pattern.
func BenchmarkFits(b *testing.B) {
	for b.Loop() {
		var c Checker
		for _, s := range samples() {
			for _, text := range s.yes {
				if ok, _ := c.Fits(s.rule, text); !ok {
					b.Fatal(fmt.Sprint(s.rule, text))
				}
			}
		}
	}
}
