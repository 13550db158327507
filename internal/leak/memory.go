package leak

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sandwright/sandwright/internal/tokens"
	"github.com/sandwright/sandwright/internal/wholefile"
)

// treeRules is another one whenever more is looked for in a tree than before.
const treeRules = "tree 1"

// shortSum is how much of a sum is kept.
const shortSum = 16

// A memory knows what was found in contents, by their sums. It is a file of
// three parts: the key of the secrets it holds for and the tree that it was
// written for; what looked like a secret; and the sums of all the rest.
type memory struct {
	path     string
	key      string
	tree     string
	suspects map[string][]tokens.Finding // by the whole sum
	rest     []byte                      // short sums, one after the other
	clean    map[[shortSum]byte]bool     // made of rest where it is needed
}

// openMemory reads what was kept. What was found for other secrets, or cannot
// be read, counts for nothing.
func openMemory(dir, name string, values map[string]string) (*memory, error) {
	key, err := keyOf(dir, treeRules, values)
	if err != nil {
		return nil, fmt.Errorf("cannot remember which files hold no secret: %w", err)
	}
	m := &memory{path: filepath.Join(dir, name), key: hex.EncodeToString(key), suspects: map[string][]tokens.Finding{}}
	data, err := os.ReadFile(m.path)
	if err == nil && !m.decode(data) {
		m.tree, m.rest, m.suspects = "", nil, map[string][]tokens.Finding{}
	}
	return m, nil
}

// decode reads what encode wrote, and says whether it holds.
func (m *memory) decode(data []byte) bool {
	if len(data) < sha256.Size {
		return false
	}
	data, end := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], end) {
		return false
	}
	head, rest, ok := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) < 2 || lines[0] != m.key || len(rest)%shortSum != 0 {
		return false
	}
	if tree, err := hex.DecodeString(lines[1]); err == nil {
		m.tree = string(tree)
	}
	m.rest = rest
	for _, line := range lines[2:] {
		fields := strings.SplitN(line, " ", 3)
		if len(fields) != 3 {
			return false
		}
		sum, err := hex.DecodeString(fields[0])
		number, err2 := strconv.Atoi(fields[1])
		if err != nil || err2 != nil {
			return false
		}
		m.suspects[string(sum)] = append(m.suspects[string(sum)], tokens.Finding{What: fields[2], Line: number})
	}
	return true
}

// unknown gives the places of the files whose contents have to be read, each
// contents once.
func (m *memory) unknown(files []File) (todo []int) {
	if m.tree != "" && m.tree == treeID(files) {
		return nil
	}
	m.clean = make(map[[shortSum]byte]bool, len(m.rest)/shortSum)
	for at := 0; at < len(m.rest); at += shortSum {
		m.clean[[shortSum]byte(m.rest[at:])] = true
	}
	listed := map[string]bool{}
	for i, f := range files {
		if _, suspect := m.suspects[f.Sum]; f.Sum == "" || suspect || listed[f.Sum] || m.clean[short(f.Sum)] {
			continue
		}
		listed[f.Sum] = true
		todo = append(todo, i)
	}
	return todo
}

func short(sum string) [shortSum]byte { return [shortSum]byte([]byte(sum[:shortSum])) }

// learn keeps what was found in contents, which may be nothing.
func (m *memory) learn(sum string, found []tokens.Finding) {
	if len(found) > 0 {
		m.suspects[sum] = found
	} else {
		m.clean[short(sum)] = true
	}
}

// save keeps what is known of these files. Files that hold a secret are looked
// into again the next time.
func (m *memory) save(files []File) error {
	if m.clean == nil {
		return nil // it was written for these very files
	}
	var out, rest bytes.Buffer
	known := true
	done := map[string]bool{}
	var lines strings.Builder
	for _, f := range files {
		found := m.suspects[f.Sum]
		switch {
		case f.Sum == "" || done[f.Sum]:
			continue
		case len(found) == 0 && m.clean[short(f.Sum)]:
			rest.WriteString(f.Sum[:shortSum])
		case len(found) == 0:
			known = false
		}
		done[f.Sum] = true
		for _, one := range found {
			fmt.Fprintf(&lines, "%x %d %s\n", f.Sum, one.Line, one.What)
		}
	}
	tree := "-"
	if known {
		tree = hex.EncodeToString([]byte(treeID(files)))
	}
	fmt.Fprintf(&out, "%s\n%s\n%s\n", m.key, tree, lines.String())
	out.Write(rest.Bytes())
	sum := sha256.Sum256(out.Bytes())
	out.Write(sum[:])
	return wholefile.Keep(m.path, 0o600, wholefile.All(out.Bytes()))
}
