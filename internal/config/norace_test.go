//go:build !race

package config

import "time"

// limit is how long any file of at most 1 MiB may take.
const limit = time.Second
