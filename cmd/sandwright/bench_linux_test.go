package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// defaultRounds is how often each pair is taken; BENCH_ROUNDS may say less for
// a quick look.
const defaultRounds = 5

// BenchmarkBuild pairs sandwright with Docker on the same checkout, in turns:
// the example (small), and a monorepo of 60 packages and 9,600 files, or the
// one that BENCH_REPO names (large). The peer is a Dockerfile as its best practice
// has it: manifests, an install with a cache mount, the source, built by the
// engine's BuildKit straight into its own store, then docker run with a network of
// its own and a published port, as our box has. What the example's build reads is
// named in it by hand; simple copies all of the source before the build. The origin
// is COPY . and an install, where this project started, with a cache mount and without one (uncached).
//
// A time is from the start of the command to its end or, of a start, to the
// first line that the edited service prints. Ratios are ours to theirs: the
// median, and as spread the distance between the quartiles.
func BenchmarkBuild(b *testing.B) {
	for _, size := range []struct {
		name string
		make func(testing.TB) *contest
	}{{"small", smallContest}, {"large", largeContest}} {
		b.Run(size.name, func(b *testing.B) {
			c := size.make(b)
			for b.Loop() {
				c.run(b)
			}
			c.report(b)
		})
	}
}

// scriptsText begins the scripts of a package.json.
const scriptsText = `"scripts": {`

// A contest is one checkout that both sides build.
type contest struct {
	*box
	docker    *docker
	base      string   // tar of the image that Docker starts from
	manager   string   // NAME@VERSION
	service   string   // name of the service that starts
	edited    string   // its file, whose first line is the edit
	scripts   string   // package.json whose scripts change
	manifests []string // what an install reads
	add       []string // what is added as a dependency, one a round: NAME@VERSION
	best      string   // Dockerfile of the peer
	origin    string   // Dockerfile of where the project started
	uncached  string   // the same without a cache mount
	simple    string   // Dockerfile that builds over all of the source; empty: there is no build
	start     []string // command of the service in Docker, in the folder dir
	dir       string
	log       string // the service's log on this machine
	serial    int
	times     map[string][]time.Duration
	ratios    map[string][]float64
}

func rounds(b *testing.B) int {
	text := os.Getenv("BENCH_ROUNDS")
	if text == "" {
		return defaultRounds
	}
	n, err := strconv.Atoi(text)
	must(b, err)
	return n
}

// run takes every pair a few times. Both sides are warm before the first.
func (c *contest) run(b *testing.B) {
	c.times, c.ratios = map[string][]time.Duration{}, map[string][]float64{}
	c.touch(b)
	c.ours(b, "up")
	c.pack(b)
	c.theirs(b, c.best)
	c.theirs(b, c.origin)
	c.theirs(b, c.uncached)
	n := rounds(b)
	for round := range n {
		mark := c.touch(b)
		ours := c.timed("edit-run", func() rest { return c.upTo(b, mark) })
		c.pair(b, "edit-run", ours, func() rest { c.theirs(b, c.best); return c.startTo(b, mark) })
		if round < 3 { // they take minutes
			c.pair(b, "edit-run/origin", ours, func() rest { c.theirs(b, c.origin); return c.startTo(b, mark) })
			c.pair(b, "edit-run/uncached", ours, func() rest { c.theirs(b, c.uncached); return c.startTo(b, mark) })
		}
		if c.simple != "" {
			c.pair(b, "edit-run/simple", ours, func() rest { c.theirs(b, c.simple); return c.startTo(b, mark) })
		}
		c.touch(b)
		image := c.both(b, "edit-image", "build")
		if c.simple != "" {
			c.pair(b, "edit-image/simple", image, func() rest { c.theirs(b, c.simple); return nil })
		}
		if round < 3 {
			c.pair(b, "edit-image/origin", image, func() rest { c.theirs(b, c.origin); return nil })
			c.pair(b, "edit-image/uncached", image, func() rest { c.theirs(b, c.uncached); return nil })
		}
		c.edit(b, c.scripts, scriptsText, fmt.Sprintf(scriptsText+`"bench%d": "true",`, c.next()))
		c.both(b, "scripts-image", "build")
		c.ours(b, "up")
		c.both(b, "nothing", "up")
	}
	for _, dep := range c.add[:min(n, len(c.add))] {
		c.addDependency(b, dep)
		c.both(b, "dependency-image", "build")
	}
	c.ours(b, "down")
	for round := range n {
		c.cold(b, round)
	}
}

// cold pairs two builds with nothing in the engine's store. Nothing is removed
// before: ext4 without a journal makes files slowly after many were.
func (c *contest) cold(b *testing.B, round int) {
	engine := filepath.Join(c.home, "engine")
	must(b, os.Rename(engine, fmt.Sprint(engine, ".", round)))
	ours := c.timed("cold-image", func() rest { c.ours(b, "build"); return nil })
	warm := c.docker
	c.docker = newDocker(b)
	c.pair(b, "cold-image", ours, func() rest {
		c.docker.load(b, c.base)
		c.theirs(b, c.best)
		return nil
	})
	c.docker = warm
}

// both pairs one command of ours with a build of the peer.
func (c *contest) both(b testing.TB, name string, args ...string) time.Duration {
	ours := c.timed(name, func() rest { c.ours(b, args...); return nil })
	c.pair(b, name, ours, func() rest { c.theirs(b, c.best); return nil })
	return ours
}

// A rest is what is left to do when the clock has stopped, and before it starts again.
type rest func()

func clock(f func() rest) time.Duration {
	start := time.Now()
	after := f()
	took := time.Since(start)
	if after != nil {
		after()
	}
	return took
}

func (c *contest) timed(name string, f func() rest) time.Duration {
	took := clock(f)
	c.times[name] = append(c.times[name], took)
	return took
}

func (c *contest) pair(b testing.TB, name string, ours time.Duration, peer func() rest) {
	c.pack(b)
	took := clock(peer)
	c.ratios[name] = append(c.ratios[name], ours.Seconds()/took.Seconds())
	b.Logf("%s: ours %v, peer %v", name, ours.Round(time.Millisecond), took.Round(time.Millisecond))
}

func (c *contest) report(b *testing.B) {
	for name, all := range c.ratios {
		slices.Sort(all)
		b.ReportMetric(middle(all), name)
		b.ReportMetric(all[len(all)*3/4]-all[len(all)/4], name+"-spread")
	}
	for name, all := range c.times {
		slices.Sort(all)
		b.ReportMetric(middle(all).Seconds()*1000, name+"-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// middle is the median of what is sorted.
func middle[T float64 | time.Duration](all []T) T { return (all[(len(all)-1)/2] + all[len(all)/2]) / 2 }

// ours runs one command, which must succeed.
func (c *contest) ours(b testing.TB, args ...string) {
	b.Helper()
	if args[0] == "up" {
		_, v := c.up(b)
		for _, s := range v.Services {
			if s.Service == c.service {
				c.log = s.Log
			}
		}
		return
	}
	if _, stderr, code := c.box.run(b, args...); code != 0 {
		b.Fatal(tail(stderr))
	}
}

func (c *contest) theirs(b testing.TB, dockerfile string) {
	b.Helper()
	c.docker.build(b, c.box.dir, dockerfile)
}

// next counts edits, so that none repeats another.
func (c *contest) next() int { c.serial++; return c.serial }

// touch edits the source and gives the line that the service will print.
func (c *contest) touch(b testing.TB) string {
	mark := fmt.Sprintf("edit %d of %s", c.next(), c.service)
	path := filepath.Join(c.box.dir, c.edited)
	data, err := os.ReadFile(path)
	must(b, err)
	const end = "// bench\n"
	_, kept, marked := strings.Cut(string(data), end)
	if !marked {
		kept = string(data)
	}
	c.write(b, c.edited, "process.stdout.write(\""+mark+"\\n\"); "+end+kept)
	return mark
}

// upTo is up, until the service has printed the line; the rest of it is left.
func (c *contest) upTo(b testing.TB, line string) rest {
	var out bytes.Buffer
	cmd := c.command("up", "--publish-all")
	cmd.Stdout, cmd.Stderr = &out, &out
	must(b, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for range 5 * 60 * 500 {
		if data, err := os.ReadFile(c.log); err == nil && bytes.Contains(data, []byte(line)) {
			return func() { must(b, <-ended) }
		}
		select {
		case err := <-ended:
			if ended <- err; err != nil {
				b.Fatalf("%v: %s", err, tail(out.String()))
			}
		case <-time.After(2 * time.Millisecond):
		}
	}
	b.Fatalf("%s never came:\n%s", line, tail(out.String()))
	return nil
}

// startTo runs the image that was built last, until it has printed the line.
func (c *contest) startTo(b testing.TB, line string) rest {
	return c.docker.start(b, c.dir, line, c.start...)
}

// addDependency changes a manifest and lets pnpm write its lock.
func (c *contest) addDependency(b testing.TB, dep string) {
	b.Helper()
	name, version, _ := strings.Cut(dep, "@")
	data, err := os.ReadFile(filepath.Join(c.box.dir, c.scripts))
	must(b, err)
	field := `"dependencies": {`
	if !strings.Contains(string(data), field) {
		field = `"devDependencies": {`
	}
	c.edit(b, c.scripts, field, fmt.Sprintf(`%s%q: %q,`, field, name, version))
	c.lockOnly(b)
}

func (c *contest) lockOnly(b testing.TB) {
	b.Helper()
	shell(b, c.box.dir, "npm", "exec", "--yes", "--", c.manager, "install", "--lockfile-only")
}

func shell(b testing.TB, dir, name string, args ...string) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CI=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, tail(string(out)))
	}
}
