// Package initbin carries sandwright-init, the supervisor, for every
// architecture a box can have. `make build` puts the files in place.
package initbin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"path"

	"github.com/sandwright/sandwright/internal/fault"
)

//go:embed bin
var files embed.FS

// For gives the static linux binary for a platform such as linux/arm64.
func For(platform string) ([]byte, error) {
	arch := path.Base(platform)
	packed, err := files.ReadFile("bin/sandwright-init-linux-" + arch + ".gz")
	if err != nil {
		return nil, fault.Cannot("build for %s: this sandwright carries no sandwright-init for it", platform).
			WithHint("run: make build")
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// Sum is the sha256, in hex, of the packed binary for a platform: it changes
// whenever what For gives does. It is empty where there is none.
func Sum(platform string) string {
	packed, err := files.Open("bin/sandwright-init-linux-" + path.Base(platform) + ".gz")
	if err != nil {
		return ""
	}
	defer packed.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, packed); err != nil { // ReadFile would copy it all first
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))
}
