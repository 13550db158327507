package fetch

import (
	"encoding/json"
	"path"
	"strings"
)

// binField is the bin of a package.json: name -> file. A bare string stands
// under the empty name until named gives it the package's.
type binField map[string]string

// UnmarshalJSON takes either form, and anything else as no programs.
func (b *binField) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*b = binField{"": one}
		return nil
	}
	var many map[string]string
	_ = json.Unmarshal(data, &many)
	*b = many
	return nil
}

// named gives name -> clean file, for the package of that name.
func (b binField) named(pkg string) map[string]string {
	out := map[string]string{}
	for name, file := range b {
		if name == "" {
			name = pkg
		}
		out[path.Base(name)] = cleanFile(file)
	}
	return out
}

// cleanFile is the path of a file in its package, without "./".
func cleanFile(file string) string { return strings.TrimPrefix(path.Clean("/"+file), "/") }
