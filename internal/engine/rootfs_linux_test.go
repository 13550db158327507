package engine

import "testing"

func TestLayerNames(t *testing.T) {
	for made, want := range map[string]string{
		"copy git": "copy git",
		"mount / from exec /bin/sh -ec make all\nmake more":                           "make all",
		"mount / from exec /bin/sh -ec 'my tool' x":                                   "'my tool' x",
		"mount / from exec /bin/sh -euc pnpm install":                                 "pnpm install",
		"mount / from exec /bin/sh -euc /bin/sh -ec make\ncd /srv\nrm x":              "make",
		`mount / from exec /bin/sh -euc /bin/sh -ec 'echo '\''a'\'' > b; c'` + "\ncd": "echo 'a' > b; c",
		"mount / from exec /bin/sh -euc /bin/sh -ec 'one\ntwo'\ncd":                   "one",
		"pulled from store/base@sha256:12":                                            "store/base@sha256:12",
	} {
		if got := layerName(made); got != want {
			t.Errorf("%q: %q", made, got)
		}
	}
}
