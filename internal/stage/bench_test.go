package stage

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchRounds is how often each pair is taken; rsync, which is slow, three times.
const benchRounds = 7

// BenchmarkStage pairs staging with its peers on a tree of 100,000 tracked and
// 30,000 ignored files, in turns, by the processor seconds of this process and
// of those it starts:
//   - list (Open) with the floor: git's two lists, one openat2 a folder and one
//     fstatat a file;
//   - again (a second Open and Digest, nothing changed) with the floor;
//   - tar (Open and Tar) with git archive of a packed repository;
//   - list and tar with rsync -a of the same files to an empty folder.
//
// Of each ratio the median is given, and as spread the distance between the
// quartiles.
func BenchmarkStage(b *testing.B) {
	dir := benchTree(b, benchFiles(b), benchFiles(b)*3/10)
	cache := filepath.Join(b.TempDir(), "cache")
	floor := newFloor(b, dir)
	stageAgain(b, dir, cache)
	copied := filepath.Join(b.TempDir(), "copy")
	ratios := map[string][]float64{}
	pair := func(name string, ours, peer time.Duration) {
		ratios[name] = append(ratios[name], ours.Seconds()/peer.Seconds())
	}
	for b.Loop() {
		for round := range benchRounds {
			floor := cpu(b, func() { floor.run(b, dir) })
			list := cpu(b, func() { stageTar(b, dir, nil) })
			again := cpu(b, func() { stageAgain(b, dir, cache) })
			tar := cpu(b, func() { stageTar(b, dir, io.Discard) })
			archive := cpu(b, func() { run(b, dir, "git", "archive", "HEAD") })
			pair("list/floor", list, floor)
			pair("again/floor", again, floor)
			pair("tar/archive", tar, archive)
			b.Logf("floor %v, list %v, again %v, tar %v, archive %v", floor, list, again, tar, archive)
			if round < 3 {
				rsync := cpu(b, func() { run(b, dir, "rsync", "-a", "--exclude=/.git", "--exclude=node_modules", "./", copied) })
				pair("list/rsync", list, rsync)
				pair("tar/rsync", tar, rsync)
				os.RemoveAll(copied)
			}
		}
	}
	for name, all := range ratios {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], name)
		b.ReportMetric(all[len(all)*3/4]-all[len(all)/4], name+"-spread")
	}
}

// benchFiles is how many files are tracked, which STAGE_BENCH_FILES may make
// less for a quick look.
func benchFiles(b *testing.B) int {
	text := os.Getenv("STAGE_BENCH_FILES")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// cpu is the processor time, user's and system's, of a piece of work.
func cpu(b *testing.B, work func()) time.Duration {
	b.Helper()
	now := func() (total time.Duration) {
		for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
			var u unix.Rusage
			if err := unix.Getrusage(who, &u); err != nil {
				b.Fatal(err)
			}
			total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
		return total
	}
	start := now()
	work()
	return now() - start
}

func stageTar(b *testing.B, dir string, w io.Writer) {
	b.Helper()
	tree, err := Open(b.Context(), dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	if w != nil {
		if err := tree.Tar(b.Context(), w); err != nil {
			b.Fatal(err)
		}
	}
}

func stageAgain(b *testing.B, dir, cache string) {
	b.Helper()
	tree, err := Open(b.Context(), dir, Options{Cache: cache})
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	if _, err := tree.Digest(b.Context()); err != nil {
		b.Fatal(err)
	}
}

func run(b *testing.B, dir, name string, args ...string) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s %v: %v", name, args, err)
	}
}

// A floor is the least that any stage must ask: the folders and their files.
type floor struct {
	folders []string
	files   map[string][]string
}

func newFloor(b *testing.B, dir string) floor {
	f := floor{files: map[string][]string{}}
	for p := range strings.SplitSeq(string(benchGit(b, dir, nil, "ls-files", "-z")), "\x00") {
		if folder := path.Dir(p); p != "" {
			if f.files[folder] == nil {
				f.folders = append(f.folders, folder)
			}
			f.files[folder] = append(f.files[folder], path.Base(p))
		}
	}
	return f
}

func (f floor) run(b *testing.B, dir string) {
	b.Helper()
	run(b, dir, "git", "ls-files", "-z", "--cached", "--stage")
	run(b, dir, "git", "ls-files", "-z", "--others", "--exclude-standard")
	root, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(root)
	for _, folder := range f.folders {
		fd, err := openBeneath(root, folder, dirFlags)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range f.files[folder] {
			var st unix.Stat_t
			if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				b.Fatal(err)
			}
		}
		unix.Close(fd)
	}
}

// BenchmarkMemory measures the most memory that a process which lists, checks
// and digests a tree ever held, and git beside it, in MB.
func BenchmarkMemory(b *testing.B) {
	for _, names := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(names), func(b *testing.B) {
			dir := nameTree(b, names)
			var own, git float64
			for b.Loop() {
				cmd := exec.Command(os.Args[0], "-test.run=^TestStageOnce$", "-test.v")
				cmd.Env = append(os.Environ(), "STAGE_ONCE="+dir)
				out, err := cmd.Output()
				if err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				var o, g float64
				_, rest, _ := strings.Cut(string(out), "memory:")
				if _, err := fmt.Sscan(rest, &o, &g); err != nil {
					b.Fatalf("%v in %s", err, out)
				}
				own, git = max(own, o), max(git, g)
			}
			b.ReportMetric(own, "MB")
			b.ReportMetric(git, "MB-git")
		})
	}
}

// TestStageOnce is what BenchmarkMemory runs in a process of its own. Without
// its folder it stages a small tree.
func TestStageOnce(t *testing.T) {
	dir := os.Getenv("STAGE_ONCE")
	if dir == "" {
		dir = sample(t).root
	}
	tree, err := Open(t.Context(), dir, Options{Cache: filepath.Join(t.TempDir(), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if _, err := tree.Digest(t.Context()); err != nil {
		t.Fatal(err)
	}
	var own, git unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &own) != nil || unix.Getrusage(unix.RUSAGE_CHILDREN, &git) != nil || own.Maxrss == 0 {
		t.Fatal("cannot measure memory")
	}
	t.Logf("memory: %.1f %.1f", float64(own.Maxrss)/1000, float64(git.Maxrss)/1000)
}
