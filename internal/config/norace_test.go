//go:build !race

package config

import "time"

// limit is how long any file of at most 1 MiB may take, on a machine that has
// much else to do: what is quadratic takes far longer.
const limit = 10 * time.Second
