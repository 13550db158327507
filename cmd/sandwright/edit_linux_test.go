package main

import (
	"strings"
	"testing"
)

// listing is all that the box's workspace and seal are: kinds, modes, owners,
// times and contents. What processes leave in caches is not of the image.
const listing = `cd /home/iterate/src/app
find . -name node_modules -prune -o -printf '%p %y %m %U:%G %T@ %l\n' | sort
find . -name node_modules -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
stat -c '%n %a %u:%g %y' .git/index /etc/sandwright/*; sha256sum .git/index /etc/sandwright/*; git status --porcelain`

// edits are put over the image that runs: the box is what a build would have made it.
func edits(t *testing.T, b *box) {
	const commit = "git add -A && git -c user.name=t -c user.email=t@example.org commit -q -m edits"
	if out, stderr, code := b.run(t, "exec", "git", "status", "--porcelain", "package.json"); out != "?? package.json\n" {
		t.Errorf("before the first commit: %d: %s%s", code, out, stderr)
	}
	b.onHost(t, "echo committed > services/committed.txt; echo '#!/bin/sh' > services/tool.sh; "+commit)
	b.up(t)
	var last string
	for _, tt := range []struct {
		name, host string
		built      bool
		in, want   string
	}{
		{"a file, and one more", "echo '// edited' >> services/example-service-a/main.js; echo more > services/more.txt", false, "cat services/more.txt; tail -n 1 services/example-service-a/main.js", "more\n// edited\n"},
		{"a mode, and a file less", "chmod +x services/tool.sh; rm services/committed.txt", false, "test -x services/tool.sh && ls services/committed.txt", "ls: cannot access 'services/committed.txt': No such file or directory\n"},
		{"one back", "git checkout -q services/committed.txt; rm services/more.txt", false, "cat services/committed.txt; ls services/more.txt", "committed\nls: cannot access 'services/more.txt': No such file or directory\n"},
		{"a variable", "sed -i 's/default: info/default: debug/' sandwright.yaml", true, "tail -n 1 services/example-service-a/main.js", "// edited\n"},
		{"a file of a built image", "echo '// again' >> services/example-service-a/main.js", false, "tail -n 2 services/example-service-a/main.js", "// edited\n// again\n"},
		{"a folder", "mkdir services/new; echo new > services/new/file", true, "cat services/new/file", "new\n"},
		{"a link", "ln -s new/file services/link", true, "cat services/link", "new\n"},
		{"what a step reads", "echo '// edited' >> apps/daemon/server/app.js", true, "tail -n 1 apps/daemon/server/app.js", "// edited\n"},
		{"what a step leaves", "mkdir -p apps/os/dist; echo mine > apps/os/dist/mine.txt; git add -f apps/os/dist/mine.txt", true, "ls apps/os/dist/mine.txt", "ls: cannot access 'apps/os/dist/mine.txt': No such file or directory\n"},
		{"a commit", "git rm -q -f apps/os/dist/mine.txt; " + commit, true, "git status --porcelain; cat services/link", "new\n"},
		{"a file after a commit", "echo '// more' >> services/example-service-a/main.js; chmod +x services/tool.sh services/new/file", false, "git status --porcelain; test -x services/new/file", " M services/example-service-a/main.js\n M services/new/file\n"},
	} {
		b.onHost(t, tt.host)
		progress, v := b.up(t)
		answers(t, v)
		if built := strings.Contains(progress, "\n#1 "); built != tt.built {
			t.Errorf("%s: built: %t\n%s", tt.name, built, tail(progress))
		}
		if over := strings.Contains(progress, ", with this over its image: "); over == tt.built {
			t.Errorf("%s: over the image: %t\n%s", tt.name, over, tail(progress))
		}
		if !tt.built { // before git writes its index anew
			last = b.inBox(t, listing)
		}
		if got := b.inBox(t, tt.in); got != tt.want {
			t.Errorf("%s: in the box is %q", tt.name, got)
		}
	}
	if got := b.inBox(t, "sandwright-init sync"); got != "nothing to install\n" {
		t.Errorf("the box says %q", got)
	}
	if s, ran := b.sync(t); s.Files != 0 || len(ran) > 0 {
		t.Errorf("there is something to sync: %+v", s)
	}
	b.up(t, "--recreate")
	if built := b.inBox(t, listing); built != last {
		t.Errorf("a build makes another box:\n%s\nthan the edits:\n%s", built, last)
	}
	if _, again := b.reasons(t); len(again) > 0 {
		t.Errorf("it is built, and made again are %q", again)
	}
}

// TestWhatIsNoEdit: a file that a step wrote over is the step's, also where it looks
// like the source; and without an edit the box is its image.
func TestWhatIsNoEdit(t *testing.T) {
	s := newShipment(t, "services: {app: {command: [/bin/busybox, sleep, '1000']}}\n")
	s.write("sandwright.yaml", strings.Replace(yamlOf(t, s), "{run: echo built > built}", "{run: 'cat schema > built', inputs: [schema]}", 1))
	s.write("schema", "built\n")
	s.write("built", "built\n")
	s.downAtEnd()
	if _, errs, code := s.run("up"); code != 0 {
		t.Fatal(tail(errs))
	}
	app := "#!/bin/sh\necho app\n"
	for _, tt := range []struct {
		name, file, text string
		built, over      bool
	}{
		{"a file", "app.sh", "echo edited\n", false, true},
		{"as it was", "app.sh", app, false, false},
		{"what a step wrote", "built", "mine\n", true, false},
	} {
		s.write(tt.file, tt.text)
		out, errs, code := s.run("up", "--json")
		if code != 0 {
			t.Fatalf("%s: %s", tt.name, tail(errs))
		}
		if built := strings.Contains(errs, "\n#1 "); built != tt.built {
			t.Errorf("%s: built: %t\n%s", tt.name, built, tail(errs))
		}
		if over := strings.Contains(out, `"edits"`); over != tt.over {
			t.Errorf("%s: over the image: %t\n%s", tt.name, over, out)
		}
		want := tt.text
		if tt.built {
			want = "built\n"
		}
		if out, errs, code := s.run("exec", "cat", tt.file); code != 0 || out != want {
			t.Errorf("%s: in the box is %q, %d, %s", tt.name, out, code, errs)
		}
	}
	// BuildKit takes such a name in a layer alone.
	s.write("of\xffbytes", "text")
	s.bad(1, []string{"up"}, `cannot send "of\xffbytes" to the engine: its name is not UTF-8`, "commit it")
	s.commit()
	if _, errs, code := s.run("up"); code != 0 {
		t.Fatal(tail(errs))
	}
	if out, errs, code := s.run("exec", "sh", "-c", `cat "$(printf 'of\377bytes')"`); code != 0 || out != "text" {
		t.Errorf("it is %q, %d, %s", out, code, errs)
	}
}
