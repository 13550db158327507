package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/workspace"
)

// packages and perPackage make 9,600 files of a generated monorepo.
const packages, perPackage = 60, 158

// smallContest is the example, and example-service-a in it.
func smallContest(b testing.TB) *contest {
	c := &contest{
		box: exampleBox(b), manager: "pnpm@10.28.0", service: serviceA, edited: "services/example-service-a/main.js",
		scripts: "services/example-service-a/package.json", add: additions(),
		start: []string{"node", "main.js"}, dir: "/app/services/example-service-a",
	}
	return c.ready(b, "RUN pnpm --filter daemon --filter os build\n", "COPY apps apps\nCOPY packages packages\n")
}

// largeContest is a monorepo in which most is not the service that starts.
func largeContest(b testing.TB) *contest {
	c := &contest{
		box: &box{dir: filepath.Join(b.TempDir(), "large"), home: b.TempDir()}, manager: "pnpm@10.28.0", service: "web", add: additions(),
	}
	b.Cleanup(func() { _ = c.command("down", "--all").Run() })
	if from := os.Getenv("BENCH_REPO"); from != "" {
		c.fetched(b, from)
	} else {
		c.generate(b)
	}
	return c.ready(b, "", "")
}

// fetched is a clone of somebody's pnpm workspace, with a service of ours in it.
// The service stands beside a package and is none, so that it is an input of
// no package's own scripts.
func (c *contest) fetched(b testing.TB, from string) {
	b.Helper()
	shell(b, ".", "git", "clone", "-q", "--depth", "1", "file://"+from, c.box.dir)
	data, err := os.ReadFile(filepath.Join(c.box.dir, "package.json"))
	must(b, err)
	var manifest struct{ PackageManager string }
	must(b, json.Unmarshal(data, &manifest))
	c.manager, _, _ = strings.Cut(manifest.PackageManager, "+")
	if !strings.HasPrefix(c.manager, "pnpm@") {
		b.Fatalf("BENCH_REPO names no pnpm@VERSION in packageManager, but %q", c.manager)
	}
	members := c.members(b)
	c.edited, c.dir = path.Join(path.Dir(members[0].Dir), "sandwright-bench/main.mjs"), "/app"
	scripted := slices.IndexFunc(members, func(p workspace.Package) bool {
		data, err := os.ReadFile(filepath.Join(c.box.dir, p.Dir, "package.json"))
		return err == nil && strings.Contains(string(data), scriptsText)
	})
	if scripted < 0 {
		b.Fatal("BENCH_REPO has no package with scripts")
	}
	c.scripts = path.Join(members[scripted].Dir, "package.json")
	c.start = []string{"node", c.edited}
	c.project(b, "command: [node, "+c.edited+"]")
	c.write(b, c.edited, server)
}

// members are the packages of the workspace but its root.
func (c *contest) members(b testing.TB) []workspace.Package {
	b.Helper()
	ws, err := workspace.Find(os.DirFS(c.box.dir), workspace.Options{})
	must(b, err)
	return slices.DeleteFunc(ws.Packages, func(p workspace.Package) bool { return p.Dir == "." })
}

const server = "import { createServer } from 'node:http';\ncreateServer((q, s) => s.end('ok')).listen(0);\n"

// project writes a sandwright.yaml with the example's base and node.
func (c *contest) project(b testing.TB, service string) {
	b.Helper()
	example, err := os.ReadFile("../../examples/iterate/sandwright.yaml")
	must(b, err)
	head, rest, _ := strings.Cut(string(example), "workspace:")
	_, tools, _ := strings.Cut(rest, "\ntools:\n")
	node, _, _ := strings.Cut(tools, "\n")
	c.write(b, "sandwright.yaml", strings.Replace(head, "iterate-sandbox", "large", 1)+
		"workspace: {target: /home/iterate/src/app, trust-lockfile: true}\n\ntools:\n"+node+"\n  pnpm: {npm: "+c.manager+"}\n"+
		"\nservices:\n  web: {"+service+"}\n")
}

// additions are small packages without dependencies.
func additions() []string {
	return []string{"is-number@7.0.0", "ms@2.1.3", "picocolors@1.1.1", "nanoid@5.1.6", "yallist@5.0.0", "inherits@2.0.4", "wrappy@1.0.2"}
}

// generate writes packages that depend on the one before, and on what the
// example depends on.
func (c *contest) generate(b testing.TB) {
	b.Helper()
	c.edited, c.scripts = "packages/p00/main.js", "packages/p00/package.json"
	c.start, c.dir = []string{"node", "main.js"}, "/app/packages/p00"
	c.project(b, "command: [node, main.js], dir: packages/p00")
	c.write(b, "package.json", `{"name": "large", "private": true, "packageManager": "`+c.manager+`", "scripts": {}}`+"\n")
	c.write(b, "pnpm-workspace.yaml", "packages: [packages/*]\nignoredBuiltDependencies: [esbuild]\n")
	for p := range packages {
		name := fmt.Sprintf("p%02d", p)
		depends := `"hono": "4.13.0"`
		if p > 0 {
			depends += fmt.Sprintf(`, "p%02d": "workspace:*"`, p-1)
		}
		c.write(b, "packages/"+name+"/package.json", fmt.Sprintf(`{"name": %q, "version": "1.0.0", "type": "module", "scripts": {"start": "node main.js"}, "dependencies": {%s},
 "devDependencies": {"vite": "7.3.0", "react": "19.3.0", "react-dom": "19.3.0", "typescript": "5.9.3"}}`+"\n", name, depends))
		c.write(b, "packages/"+name+"/main.js", server)
		for f := range perPackage {
			c.write(b, fmt.Sprintf("packages/%s/src/part%d/file%03d.js", name, f%12, f),
				strings.Repeat(fmt.Sprintf("export const value%d = %q; // of %s, %d\n", f, strings.Repeat("x", f%40), name, p*f), 40))
		}
	}
	shell(b, c.box.dir, "git", "init", "-q")
	c.lockOnly(b)
}

// ready commits the checkout, locks it, starts a Docker engine on its base,
// and writes the two Dockerfiles.
func (c *contest) ready(b testing.TB, build, inputs string) *contest {
	b.Helper()
	bin, err := filepath.Abs("../../bin/sandwright")
	must(b, err)
	c.bin = bin
	shell(b, c.box.dir, "git", "add", "-A")
	shell(b, c.box.dir, "git", "-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-q", "-m", "bench")
	if _, err := os.Stat(filepath.Join(c.box.dir, "sandwright.lock")); err != nil {
		c.ours(b, "lock")
	}
	c.docker = newDocker(b)
	tar := filepath.Join(b.TempDir(), "base.tar")
	c.ours(b, "build", "--output", "docker:"+tar)
	c.docker.load(b, tar)
	c.base = tar
	c.dockerfiles(b, build, inputs)
	return c
}

// dockerfiles are built on the very base and tools that the sandbox has.
// Own lifecycle scripts read source, so they run once it is there.
func (c *contest) dockerfiles(b testing.TB, build, inputs string) {
	b.Helper()
	const secrets, cache = "--mount=type=secret,id=npmrc --mount=type=secret,id=ca ", "--mount=type=cache,target=/pnpm "
	const head = "USER 0\nENV CI=1 NPM_CONFIG_USERCONFIG=/run/secrets/npmrc NODE_EXTRA_CA_CERTS=/run/secrets/ca pnpm_config_trust_lockfile=true\nWORKDIR /app\n"
	const pnpm = "pnpm install --frozen-lockfile --prefer-offline --store-dir=/pnpm"
	install := "RUN " + secrets + cache + pnpm
	hooks := c.reads(b)
	manifests := "ADD " + manifestsTar + " ./\n"
	if len(c.manifests) <= mostCopies {
		manifests = ""
		for _, file := range c.manifests {
			manifests += "COPY " + file + " " + path.Dir(file) + "/\n"
		}
	}
	first, last := install+"\n", ""
	if hooks {
		first, last = install+" --ignore-scripts\n", "RUN "+secrets+cache+"pnpm rebuild --pending --store-dir=/pnpm\n"+install+" --offline\n"
	}
	dir := b.TempDir()
	c.best, c.origin, c.uncached = filepath.Join(dir, "best"), filepath.Join(dir, "origin"), filepath.Join(dir, "uncached")
	files := map[string]string{
		c.best:     manifests + first + inputs + build + "COPY . .\n" + last,
		c.origin:   "COPY . .\n" + install + "\n" + build,
		c.uncached: "COPY . .\nRUN " + secrets + pnpm + "\n" + build,
	}
	if build != "" {
		c.simple = filepath.Join(dir, "simple")
		files[c.simple] = manifests + first + "COPY . .\n" + last + build
	}
	for path, text := range files {
		text = "FROM " + baseName + "\n" + head + text
		must(b, os.WriteFile(path, []byte(text), 0o644))
		must(b, os.WriteFile(path+".dockerignore", []byte("**/node_modules\n.git\n"), 0o644))
	}
}

// An image has 127 layers at most, and each COPY is one. More manifests travel
// as one file, which is made before each build.
const (
	mostCopies   = 60
	manifestsTar = "bench-manifests.tar"
)

// reads finds the files that an install reads as they are, and tells whether a
// package has lifecycle scripts of its own.
func (c *contest) reads(b testing.TB) (hooks bool) {
	b.Helper()
	ws, err := workspace.Find(os.DirFS(c.box.dir), workspace.Options{})
	must(b, err)
	for _, p := range ws.Packages {
		hooks = hooks || len(p.Hooks) > 0
	}
	for _, in := range ws.Inputs {
		data, err := os.ReadFile(filepath.Join(c.box.dir, in.Path))
		must(b, err)
		if path.Base(in.Path) == "package.json" || string(data) == string(in.Data) {
			c.manifests = append(c.manifests, in.Path)
		}
	}
	c.write(b, ".git/info/exclude", manifestsTar+"\n")
	return hooks
}

// pack writes the manifests into one file, where they are too many to be copied.
func (c *contest) pack(b testing.TB) {
	if len(c.manifests) > mostCopies {
		shell(b, c.box.dir, "tar", append([]string{"--mtime=@0", "-cf", manifestsTar}, c.manifests...)...)
	}
}
