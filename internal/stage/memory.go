package stage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/git"
	"github.com/sandwright/sandwright/internal/smallfile"
)

const (
	// memoryMagic begins a memory. Its number changes with the meaning of what
	// follows: two sums, then lists of texts, each with its number and each text
	// ended by a NUL, and the CRC-32C of it all.
	memoryMagic = "sandwright list 2\n"
	// maxMemory bounds a memory that is read, in bytes.
	maxMemory = 64 << 20
	// maxBare bounds the folders without a listed name that are remembered.
	maxBare = 1 << 16
)

// A memory is what git listed when it last walked the folders of a repository,
// and all that this depends on. While that is as it was, git would list the same
// and need not be asked. It is as git's own untracked cache, which git has for
// status alone: a folder whose ctime is the same has the same names in it. What
// had changed so shortly before git was asked that a later change could keep
// every stamp is never remembered, as in a cache.
type memory struct {
	asked   sum      // which repository, and git's configuration
	index   sum      // of an index
	outside []sight  // git's index, and files of rules that no folder of the tree holds; absolute
	inside  []sight  // the folders that git read, and the .gitignore in them
	tracked []string // what git listed as such, in the order of a walk
	others  []string // what it listed besides, in the same order
}

// An index is what matters of git's index to what is untracked: the names, and
// the rules that git reads there where a .gitignore is not on the disk.
type index []byte

func (x *index) add(r record) {
	*x = append(append(append(*x, r.mode...), r.path...), 0)
	if _, name := split(r.path); name == rulesFile {
		*x = append(append(*x, r.object...), 0)
	}
}

func (x index) sum() sum { return sha256.Sum256(x) }

const (
	rulesFile      = ".gitignore"
	attributesFile = ".gitattributes"
	// ofRepository is in the configuration of every repository. Without it git did
	// not read that, for instance as the repository is another user's.
	ofRepository = "\x00core.repositoryformatversion\n"
)

// A setting is what git's lists of a repository depend on beside the tree.
type setting struct {
	asked   sum
	outside []sight
	whole   bool // all that matters is known
}

// fixedSights are those outside of the tree that there always are: the index, and
// the rules of this clone and of the user.
const fixedSights = 3

// settingOf looks at the index and at the files of rules that are elsewhere, and
// asks git for its configuration.
func settingOf(ctx context.Context, repo *git.Repo) (s setting, err error) {
	index, exclude, err := repo.IndexAndExclude(ctx)
	if err != nil {
		return s, err
	}
	s.outside = append(s.outside, sightOf(index, unix.Stat)) // git goes through a link, and leaves it as it is
	config, err := repo.Output(ctx, "config", "--list", "-z")
	if err != nil {
		return s, err
	}
	global, ok := excludesFile(string(config))
	if !ok || !strings.Contains("\x00"+string(config), ofRepository) {
		return s, nil
	}
	s.asked = sha256.Sum256([]byte(strings.Join([]string{repo.Dir, repo.Top, string(config)}, "\x00")))
	s.outside = append(s.outside, sightOf(exclude, unix.Stat), sightOf(global, unix.Stat))
	for dir := repo.Dir; dir != repo.Top; {
		dir = filepath.Dir(dir)
		s.outside = append(s.outside, sightOf(filepath.Join(dir, rulesFile), unix.Lstat))
	}
	s.whole = true
	return s, nil
}

// excludesFile is where git looks for the user's rules: core.excludesFile, or
// where gitignore(5) says. It is false where only git can tell.
func excludesFile(config string) (string, bool) {
	home, err := os.UserHomeDir()
	file := os.Getenv("XDG_CONFIG_HOME")
	if file == "" {
		file = filepath.Join(home, ".config")
	}
	file = filepath.Join(file, "git", "ignore")
	for record := range strings.SplitSeq(config, "\x00") {
		if value, ok := strings.CutPrefix(record, "core.excludesfile\n"); ok {
			file = value
		}
	}
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		file = filepath.Join(home, rest)
	}
	return file, err == nil && filepath.IsAbs(file)
}

// sightOf looks at an absolute path; that nothing is there is a sight, too.
func sightOf(p string, by func(string, *unix.Stat_t) error) sight {
	var st unix.Stat_t
	if by(p, &st) != nil {
		return sight{path: p}
	}
	return sight{p, look{identify(&st), uint32(st.Mode)}}
}

func (s sight) same(o sight) bool { return s.path == o.path && s.id.same(o.id) }

// A recall finds out, beside other work, whether all is as a memory has it.
type recall struct {
	*memory          // nil where there is none
	names   []string // all of it
	setting setting  // once asked is done
	holds   bool     // once settled is: all is as it was, but perhaps the index
	taken   bool     // the memory stood for git's list of what is untracked
	asked   chan struct{}
	settled chan struct{}
}

// recall begins to look, and to walk through what the memory has.
func (l *lister) recall(repo repository) *recall {
	r := &recall{memory: readMemory(l.lists), asked: make(chan struct{}), settled: make(chan struct{})}
	l.past = r
	if r.memory != nil {
		r.names = merge(r.tracked, r.others)
		l.try(l.rules.filter(slices.Clone(r.names)), runtime.GOMAXPROCS(0))
	}
	go func() {
		defer close(r.asked)
		r.setting, _ = settingOf(l.ctx, repo.asked) // where git cannot say, its lists say why
	}()
	go func() {
		defer close(r.settled)
		if r.memory == nil || !l.ahead.found(l.root, r.inside) {
			return
		}
		<-r.asked
		s := r.setting
		r.holds = s.whole && s.asked == r.memory.asked && slices.EqualFunc(s.outside[1:], r.outside[1:], sight.same)
	}()
	return r
}

// wait says whether all is as it was, but perhaps the index.
func (r *recall) wait() bool {
	if r == nil {
		return false
	}
	<-r.settled
	return r.holds
}

// all says that all is as it was. An index that is not there is none to go by.
func (r *recall) all() bool {
	return r.memory != nil && r.wait() && r.outside[0].id.ino != 0 && r.outside[0].same(r.setting.outside[0])
}

// onDisk says that the index cannot hold rules for a folder above the root: git
// reads those where there is no file of that name.
func (s setting) onDisk() bool {
	return !slices.ContainsFunc(s.outside[fixedSights:], func(s sight) bool { return s.id.ino == 0 })
}

// take takes the names of the memory.
func (l *lister) take(repo repository) {
	l.past.taken, l.tracked = true, l.guess
	if slices.ContainsFunc(l.past.names, func(p string) bool { return strings.HasSuffix(p, attributesFile) }) {
		l.lfs = append(l.lfs, repo)
	}
}

// records are what git listed as untracked.
func (r *recall) records() []record {
	records := make([]record, len(r.others))
	for i, p := range r.others {
		records[i].path = p
	}
	return records
}

// stop waits for the end of what looks ahead, which is to be stopped before.
func (r *recall) stop() {
	if r != nil {
		<-r.settled
		<-r.asked
	}
}

// found says that all is there as it was.
func (a *ahead) found(r *root, sights []sight) bool {
	was := make(map[string]identity, len(sights))
	for _, s := range sights {
		was[s.path] = s.id
	}
	for i := range a.parts {
		part := &a.parts[i]
		<-part.done
		for _, now := range slices.Concat(part.folders, part.rules()) {
			if id, ok := was[now.path]; ok && !id.same(now.id) {
				return false
			}
			delete(was, now.path)
		}
	}
	for p, id := range was {
		if now, err := r.look(p); a.stopped.Load() || err != nil || !now.id.same(id) {
			return false
		}
	}
	return true
}

// rules are the files of rules among those that were seen.
func (a *aheadPart) rules() (rules []sight) {
	for _, s := range a.files {
		if _, name := split(s.path); name == rulesFile {
			rules = append(rules, s)
		}
	}
	return rules
}

// look looks at a path below the root, or at the root.
func (r *root) look(p string) (look, error) {
	if p == "." {
		return lookAt(int(r.Fd()))
	}
	dir, name := split(p)
	fd, err := r.openFD(dir, dirFlags)
	if err != nil {
		return look{}, err
	}
	defer unix.Close(fd)
	return lookIn(fd, name)
}

// memorable says that nothing seen so far keeps the lists from being remembered.
func (l *lister) memorable(w *walker) bool {
	return l.past != nil && !l.warned && len(l.repos) == 1 && len(l.modules)+len(l.inner) == 0 && !w.veiled && len(l.whole)+len(l.untracked) <= maxAhead
}

// remember gives what is to be remembered that is not; nil where there is nothing,
// or it could not be told later whether all is as it was.
func (l *lister) remember(w *walker) *memory {
	switch {
	case l.past == nil || l.past.all():
		return nil
	case l.past.taken: // the index is another, and has the same names
		m := *l.past.memory
		m.outside = l.past.setting.outside
		return m.settledBy(l.start)
	case !l.memorable(w):
		return nil
	}
	<-l.past.asked
	s := l.past.setting
	if !s.whole {
		return nil
	}
	m := &memory{asked: s.asked, index: l.index, outside: s.outside, tracked: l.whole, others: l.untracked}
	for _, f := range slices.Concat(w.folders, w.bare) {
		if f.marks&nested != 0 && f.path != "." {
			return nil // whether that is a repository can change without a change of the folder
		}
		m.inside = append(m.inside, sight{f.path, look{id: f.id}})
		if f.marks&ruled != 0 {
			p := join(f.path, rulesFile)
			rules, err := l.root.look(p)
			if err != nil {
				return nil
			}
			m.inside = append(m.inside, sight{p, rules})
		}
	}
	slices.SortStableFunc(m.others, comparePath)
	return m.settledBy(l.start)
}

// settledBy gives nil where something changed so shortly before a look that a
// change after it could leave the same stamps.
func (m *memory) settledBy(look time.Time) *memory {
	racy := func(s sight) bool { return racy(s.id, look) }
	if slices.ContainsFunc(m.outside, racy) || slices.ContainsFunc(m.inside, racy) {
		return nil
	}
	return m
}

// save writes a memory that will be read.
func (m *memory) save(file string) error {
	data := m.bytes()
	data = binary.BigEndian.AppendUint32(data, crc32.Checksum(data, castagnoli))
	if len(data) > maxMemory {
		return nil
	}
	return save(file, func(w io.Writer) { _, _ = w.Write(data) })
}

func (m *memory) bytes() []byte {
	b := append(append([]byte(memoryMagic), m.asked[:]...), m.index[:]...)
	for _, n := range []int{len(m.outside), len(m.inside), len(m.tracked), len(m.others)} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	sights := slices.Concat(m.outside, m.inside)
	for i := range sights {
		for _, v := range sights[i].id.key() {
			b = binary.BigEndian.AppendUint64(b, v)
		}
	}
	for i := range sights {
		b = append(append(b, sights[i].path...), 0)
	}
	for _, p := range slices.Concat(m.tracked, m.others) {
		b = append(append(b, p...), 0)
	}
	return b
}

// readMemory reads a memory; nil where it is not there, or not whole.
func readMemory(file string) *memory {
	data, err := smallfile.Read(file, maxMemory)
	body := len(data) - crc32.Size
	if err != nil || body < 0 || crc32.Checksum(data[:body], castagnoli) != binary.BigEndian.Uint32(data[body:]) {
		return nil
	}
	return parseMemory(data[:body])
}

func parseMemory(data []byte) *memory {
	const counts, key = 4 * 8, 5 * 8
	m, ok := &memory{}, bytes.HasPrefix(data, []byte(memoryMagic))
	if data = data[min(len(data), len(memoryMagic)):]; !ok || len(data) < len(m.asked)+len(m.index)+counts {
		return nil
	}
	data = data[copy(m.asked[:], data):]
	data = data[copy(m.index[:], data):]
	var n [4]int
	for i := range n {
		v := binary.BigEndian.Uint64(data[8*i:])
		if v > uint64(len(data)) {
			return nil
		}
		n[i] = int(v)
	}
	data = data[counts:]
	seen := n[0] + n[1]
	if n[0] == 0 || seen > len(data)/key {
		return nil
	}
	sights := make([]sight, seen)
	for i := range sights {
		sights[i].id = identityOf(data[i*key:])
	}
	texts := strings.Split(string(data[seen*key:]), "\x00")
	if len(texts) != seen+n[2]+n[3]+1 || texts[len(texts)-1] != "" {
		return nil
	}
	for i := range sights {
		sights[i].path = texts[i]
	}
	m.outside, m.inside = sights[:n[0]], sights[n[0]:]
	m.tracked, m.others = texts[seen:seen+n[2]], texts[seen+n[2]:seen+n[2]+n[3]]
	return m
}
