//go:build race

package config

import "time"

// limit is wider here: the race detector makes everything slower.
const limit = 10 * time.Second
