package leak

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/sandwright/sandwright/internal/wholefile"
)

// rules is another one whenever more is looked for than before.
const rules = "1"

// most is how many verdicts are kept, the newest.
const most = 20_000

// verdicts are the layers that have been found clean of the secrets there are
// now. A verdict is a hash of a layer's identity and of all secrets, under a
// random key of this machine's user: it says neither which nor of what.
type verdicts struct {
	path  string
	key   []byte // of the secrets there are now
	lines []string
	known map[string]bool
}

func openVerdicts(dir string, values map[string]string) (*verdicts, error) {
	key, err := keyOf(dir, rules, values)
	if err != nil {
		return nil, fmt.Errorf("cannot remember which layers hold no secret: %w", err)
	}
	v := &verdicts{path: filepath.Join(dir, "clean"), key: key, known: map[string]bool{}}
	data, err := os.ReadFile(v.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		v.add(lines.Text())
	}
	return v, nil
}

// keyOf is a key of the rules and the secrets there are now, which tells nothing
// of them without the key of this machine's user, kept in dir.
func keyOf(dir, rules string, values map[string]string) ([]byte, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := machineKey(filepath.Join(dir, "key"))
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "rules %s\n", rules)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(h, "%q %q\n", name, values[name])
	}
	return h.Sum(nil), nil
}

// machineKey reads the key, or makes it.
func machineKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == sha256.Size {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key = make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails
	return key, wholefile.Put(path, 0o600, key)
}

func (v *verdicts) add(line string) bool {
	if v.known[line] {
		return false
	}
	v.known[line] = true
	v.lines = append(v.lines, line)
	return true
}

// of is the verdict that the layer is clean.
func (v *verdicts) of(id string) string {
	h := hmac.New(sha256.New, v.key)
	h.Write([]byte(id))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (v *verdicts) clean(id string) bool { return v.known[v.of(id)] }

// remember writes down that layers are clean.
func (v *verdicts) remember(ids []string) error {
	fresh := false
	for _, id := range ids {
		fresh = v.add(v.of(id)) || fresh
	}
	if !fresh {
		return nil
	}
	var text bytes.Buffer
	for _, line := range v.lines[max(0, len(v.lines)-most):] {
		text.WriteString(line + "\n")
	}
	return wholefile.Put(v.path, 0o600, text.Bytes())
}
