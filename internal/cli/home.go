package cli

import (
	"os"
	"path/filepath"
)

// home is where everything of this user is kept, without links in it: locks
// and control groups go by its name.
func home() string {
	dir, err := filepath.Abs(homeAsSaid())
	if err != nil {
		return homeAsSaid()
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return real
	}
	return dir
}

// homeAsSaid is SANDWRIGHT_HOME, or /var/lib/sandwright for root, or the
// user's data directory.
func homeAsSaid() string {
	if dir := os.Getenv("SANDWRIGHT_HOME"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/sandwright"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "sandwright")
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, ".local/share/sandwright")
}

func engineDir() string    { return filepath.Join(home(), "engine") }
func storeDir() string     { return filepath.Join(home(), "store") }
func sandboxesDir() string { return filepath.Join(home(), "sandboxes") }
func recordsDir() string   { return filepath.Join(home(), "records") }
