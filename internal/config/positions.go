package config

import (
	"strings"

	"github.com/sandwright/sandwright/internal/fault"
)

// A keyPath is the keys that lead from the top of the file to a node.
type keyPath []string

// child is the path one key further down; p itself stays as it is.
func (p keyPath) child(key string) keyPath { return append(p[:len(p):len(p)], key) }

// name is the last key, the way messages name the node.
func (p keyPath) name() string {
	if len(p) == 0 {
		return "the file"
	}
	return p[len(p)-1]
}

// parent is the path one key further up.
func (p keyPath) parent() keyPath { return p[:max(len(p)-1, 0)] }

// id is the key of positions. No key of the file holds a NUL byte.
func (p keyPath) id() string { return strings.Join(p, "\x00") }

// position looks for keys, then for ever shorter ones; the file itself is
// under the empty path.
func position(positions map[string]fault.Position, keys keyPath) fault.Position {
	for {
		at, ok := positions[keys.id()]
		if ok || len(keys) == 0 {
			return at
		}
		keys = keys.parent()
	}
}
