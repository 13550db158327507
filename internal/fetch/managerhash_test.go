package fetch

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/lock"
)

// Every kind of hash that Corepack writes is verified, and no other is taken.
func TestManagerHash(t *testing.T) {
	data := []byte("the package manager")
	path := filepath.Join(t.TempDir(), "pnpm.tgz")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	one, small, two, three, five := sha1.Sum(data), sha256.Sum224(data), sha256.Sum256(data), sha512.Sum384(data), sha512.Sum512(data)
	a := lock.Artifact{Package: "pnpm", Version: "10.28.0"}
	at := fault.Position{File: "package.json", Line: 1, Column: 18}
	for kind, sum := range map[string][]byte{"sha1": one[:], "sha224": small[:], "sha256": two[:], "sha384": three[:], "sha512": five[:]} {
		hash := kind + "." + hex.EncodeToString(sum)
		got, err := ManagerHash{at, "pnpm@10.28.0", hash}.listed(a, path)
		if err != nil || len(got) != 1 || got[0] != (lock.Evidence{Kind: "package-manager", Verdict: "listed", Identity: "package.json", Key: hash}) {
			t.Errorf("%s: %+v, %v", hash, got, err)
		}
		sum[0]++
		wrong := kind + "." + hex.EncodeToString(sum)
		_, err = ManagerHash{at, "pnpm@10.28.0", wrong}.listed(a, path)
		want := "package.json:1:18: cannot use pnpm 10.28.0: its registry gives one with " + strings.Replace(hash, ".", " ", 1) + ", and packageManager says " + wrong[len(kind)+1:]
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, hash := range []string{"md5.d41d8cd98f00b204e9800998ecf8427e", "sha512.00", "sha224", "sha1." + strings.Repeat("g", 40), "sha1." + strings.Repeat("A", 40), "sha512." + strings.Repeat("0", 1000)} {
		_, err := ManagerHash{at, "pnpm@10.28.0", hash}.listed(a, path)
		if err == nil || !strings.HasPrefix(err.Error(), "package.json:1:18: cannot use the hash of packageManager, "+fault.Clip(hash, 140)+": it is not sha1, ") || len(err.Error()) > 400 {
			t.Errorf("%s: %v", hash, err)
		}
	}
	for _, m := range []ManagerHash{{at, "pnpm@10.28.0", ""}, {at, "pnpm@10.28.1", "sha1.00"}, {}} {
		if got, err := m.listed(a, path); got != nil || err != nil {
			t.Errorf("%+v: %v, %v", m, got, err)
		}
	}
}
