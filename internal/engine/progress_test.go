package engine

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// What takes long is said, once, and what does not is not.
func TestWhatTakesLongIsSaid(t *testing.T) {
	for takes, want := range map[time.Duration]string{
		time.Second: "", 3 * time.Second: "bringing it back to 10 MB\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			done := Progress{Out: &out}.sayLater(2*time.Second, "bringing it back to %s", "10 MB")
			time.Sleep(takes)
			done()
			time.Sleep(time.Minute)
			if out.String() != want {
				t.Errorf("after %s: %q", takes, out.String())
			}
		})
	}
}
