package overlayfs

import "testing"

func TestSince510(t *testing.T) {
	for release, want := range map[string]bool{
		"5.10.0": true, "5.15.0-91-generic": true, "6.1.0-18-amd64": true, "10.0": true, "5.9.16": false, "4.19.0-26-cloud-amd64": false,
		"3.10.0-1160.el7.x86_64": false, "": false, "five": false, "5": false,
	} {
		if got := since510(release); got != want {
			t.Errorf("%q: %v", release, got)
		}
	}
}
