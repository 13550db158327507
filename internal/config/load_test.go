package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/fault"
)

const smallest = "name: x\nbase: {debian: {suite: bookworm}}\n"

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	path := write(t, smallest)
	f, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Path != path || f.Name != "x" || !slices.Equal(f.Platforms, []string{"linux/" + runtime.GOARCH}) {
		t.Errorf("%+v", f)
	}
}

func TestLoadFaults(t *testing.T) {
	big := write(t, smallest+strings.Repeat("# more\n", 200_000))
	folder := t.TempDir()
	fifo := filepath.Join(folder, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(folder, Name)
	for path, want := range map[string]string{
		missing: "cannot find " + missing,
		folder:  folder + ": cannot read it: it is no regular file",
		fifo:    fifo + ": cannot read it: it is no regular file",
		big:     big + ": cannot read it: it is larger than 1 MiB",
	} {
		_, err := Load(path)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if fault.Code(err) != fault.ExitConfig {
			t.Errorf("%s: exit code %d", path, fault.Code(err))
		}
	}
	if _, err := Load(missing); !strings.Contains(fault.All(err)[0].Hint, "--file") {
		t.Errorf("hint %q", fault.All(err)[0].Hint)
	}
}

func TestAt(t *testing.T) {
	f, err := Parse("here.yaml", readFile(t, "testdata/good/everything.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for keys, want := range map[string]string{
		"":                         "here.yaml",
		"name":                     "here.yaml:1:1",
		"base debian suite":        "here.yaml:4:5",
		"base debian packages 1":   "here.yaml:5:23",
		"services web":             "here.yaml:26:3",
		"services web after db":    "here.yaml:30:13",
		"services web after other": "here.yaml:30:5",
		"services web command 0":   "here.yaml:27:15",
		"services nobody ready":    "here.yaml:25:1",
		"ports 1":                  "here.yaml:46:15",
		"nothing at all":           "here.yaml",
	} {
		if got := f.At(strings.Fields(keys)...).String(); got != want {
			t.Errorf("At(%s) is %s, want %s", keys, got, want)
		}
	}
	if got := (&File{}).At("name"); got != (fault.Position{}) {
		t.Errorf("a file that was not read has a position: %v", got)
	}
}

// A file made to be slow is refused or read at once.
func TestEndsQuickly(t *testing.T) {
	bomb := func(levels int) string {
		var s strings.Builder
		s.WriteString("name: &a0 [x, x, x, x, x, x, x, x, x]\n")
		for i := range levels {
			fmt.Fprintf(&s, "k%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9))
		}
		return s.String()
	}
	wide := func(n int) string {
		var s strings.Builder
		s.WriteString(smallest + "services:\n  s: &s {command: &c [" + strings.Repeat("x, ", n) + "]}\n")
		for i := range n {
			fmt.Fprintf(&s, "  s%d: {command: *c}\n", i)
		}
		return s.String()
	}
	ring := func(n int) string {
		var s strings.Builder
		s.WriteString(smallest + "services:\n")
		for i := range n {
			fmt.Fprintf(&s, "  s%05d: {command: [a], after: {s%05d: ready, s00000: ready}}\n", i, (i+1)%n)
		}
		return s.String()
	}
	services := func(n int, value string) string {
		var s strings.Builder
		s.WriteString(smallest + "services:\n")
		for i := range n {
			fmt.Fprintf(&s, "  s%05d: %s\n", i, value)
		}
		return s.String() + "bad: 1\n"
	}
	for name, text := range map[string]string{
		"many users":       services(9000, "{command: [a], user: \"1000:1000\"}"),
		"many extras":      services(6000, "{command: [a], ready: {fd: 3, interval: 1s, status: 204}}"),
		"many headers":     services(5000, "{command: [a], ready: {http: \"http://127.0.0.1/\", headers: {A: b}}}"),
		"large regexps":    services(9000, "{command: [a], ready: {log: \"((x{30}){30})?(y{1000})+\"}}"),
		"long statuses":    smallest + "services: {a: {command: [a], ready: {http: \"http://127.0.0.1/\", status: \"" + strings.Repeat("200,", 200_000) + "2\"}}}",
		"alias bomb":       bomb(200),
		"wide aliases":     wide(5000),
		"ring of services": ring(3000),
		"deep flow":        strings.Repeat("[", 1<<19),
		"deep mappings":    strings.Repeat("{a: ", 1<<17),
		"many documents":   strings.Repeat("---\n", 1<<17),
		"many keys":        smallest + "env:\n" + strings.Repeat("  A: {}\n", 1<<16),
		"many typos":       smallest + manyKeys(30_000),
		"long text":        "name: " + strings.Repeat("x", 1<<19),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			if _, err := Parse(Name, []byte(text)); err == nil {
				t.Error("it was accepted")
			} else if n := len(err.Error()); n > 1<<20 {
				t.Errorf("%d bytes of faults", n)
			}
			if took := time.Since(began); took > limit {
				t.Errorf("took %s", took)
			}
		})
	}
}

func manyKeys(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "servces%d: 1\n", i)
	}
	return s.String()
}

func TestCommandHint(t *testing.T) {
	for text, want := range map[string]string{
		"node server.js":  "write command: [node, server.js]",
		"node  a   b":     "write command: [node, a, b]",
		"a && b":          "write command: [sh, -c, …] with the text as the last item",
		"FOO=1 node x.js": "write command: [sh, -c, …] with the text as the last item",
	} {
		if got := asList("command")(text); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestSystemFolder(t *testing.T) {
	for dir, want := range map[string]bool{
		"/": true, "/usr": true, "/usr/bin": true, "/usr/bin/x": true, "/proc/1": true, "/etc/x": true, "/run/x": true, "/home": true,
		"/home/x": false, "/usr/src/app": false, "/srv/app": false, "/app": false, "/etcetera": false, "/opt/x": false,
	} {
		if systemFolder(dir) != want {
			t.Errorf("%s: want %v", dir, want)
		}
	}
}

// Parse never panics, gives either a file or faults, and says the same twice.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && len(data) < 4096 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(Name, data)
		if (file == nil) == (err == nil) {
			t.Fatalf("file %v, error %v", file, err)
		}
		_, again := Parse(Name, data)
		if fmt.Sprint(err) != fmt.Sprint(again) {
			t.Errorf("first %v\nthen %v", err, again)
		}
		for _, one := range fault.All(err) {
			if one.Code != fault.ExitConfig || !strings.HasPrefix(one.What, "cannot ") {
				t.Errorf("%+v", one)
			}
		}
	})
}
