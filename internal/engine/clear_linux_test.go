package engine

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/tonistiigi/fsutil"
)

// TestChoose: which records stay, and in which order the others go.
func TestChoose(t *testing.T) {
	at := func(minute int) *time.Time { when := time.Unix(int64(minute)*60, 0); return &when }
	base := &client.UsageInfo{ID: "base", Size: 400, LastUsedAt: at(1)}
	old := &client.UsageInfo{ID: "old", Size: 100, LastUsedAt: at(2), Parents: []string{"base"}}
	fresh := &client.UsageInfo{ID: "fresh", Size: 50, LastUsedAt: at(4), Parents: []string{"base"}}
	huge := &client.UsageInfo{ID: "huge", Size: 5000, LastUsedAt: at(5)}
	loose := &client.UsageInfo{ID: "loose", Size: 30, CreatedAt: *at(3)}
	hold := &client.UsageInfo{ID: "hold", RecordType: holdType, Parents: []string{"old"}}
	busy := &client.UsageInfo{ID: "busy", Size: 7, InUse: true, LastUsedAt: at(0)}
	both := &client.UsageInfo{ID: "both", Size: 1, LastUsedAt: at(6), Parents: []string{"old", "fresh", "gone"}}
	all := []*client.UsageInfo{base, old, fresh, huge, loose}
	for _, c := range []struct {
		name  string
		usage []*client.UsageInfo
		keep  int64
		drop  string
		held  int64
	}{
		{"nothing there", nil, 0, "", 0},
		{"all fits", all, 5580, "", 0},
		{"what was used longest ago goes first", all, 5480, "old", 0},
		{"one that is too large costs no other", all, 600, "huge", 0},
		{"what stays has what it stands on", all, 450, "old loose huge", 0},
		{"nothing is to stay", all, 0, "old loose huge fresh base", 0},
		{"what is held stays, and counts", append([]*client.UsageInfo{hold, busy}, all...), 540, "huge fresh", 507},
		{"held is more than may stay", append([]*client.UsageInfo{hold, busy}, all...), 10, "loose huge fresh", 507},
		{"parents are counted once", append([]*client.UsageInfo{both}, all...), 551, "loose huge", 0},
		{"children go before all their parents", []*client.UsageInfo{base, old, fresh, both}, 0, "both old fresh base", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			drop, held := choose(slices.Clone(c.usage), c.keep)
			if got := strings.Join(drop, " "); !sameSet(got, c.drop) || held != c.held {
				t.Errorf("drops %q, holds %d, want %q and %d", got, held, c.drop, c.held)
			}
			for _, u := range c.usage {
				for _, parent := range u.Parents {
					if i, j := slices.Index(drop, u.ID), slices.Index(drop, parent); j >= 0 && i > j {
						t.Errorf("%s goes after %s, which it stands on: %q", u.ID, parent, drop)
					}
				}
			}
		})
	}
}

func sameSet(a, b string) bool {
	return cmp.Equal(slices.Sorted(slices.Values(strings.Fields(a))), slices.Sorted(slices.Values(strings.Fields(b))))
}

// A cleared engine is one that builds and clears, with steps that fill a folder
// which they share, as installs do.
type cleared struct {
	*testing.T
	*Engine
}

// fill adds megabytes to the shared folder.
func (c cleared) fill(name string, megabytes int) {
	c.Helper()
	base := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/"))
	def, err := base.Run(llb.Args([]string{"/bin/sh", "-ec", fmt.Sprintf("busybox yes | busybox head -c %d000000 > /kept/%s; echo > /%s", megabytes, name, name)}), llb.Network(llb.NetModeNone),
		llb.AddMount("/kept", llb.Scratch(), llb.AsPersistentCacheDir("kept", llb.CacheMountShared))).Root().Marshal(c.Context(), llb.LinuxAmd64)
	must(c.T, err)
	_, err = c.Solve(c.Context(), Request{Image: "image " + name, Definition: def, Trees: map[string]fsutil.FS{"base": busybox(c.T)}})
	must(c.T, err)
	must(c.T, c.local.worker.releaseUnused(c.Context(), nil))
	c.eventually(func() bool { return len(c.inUse()) == 0 })
}

// inUse are the records that BuildKit itself holds: those of what it has just
// built a little longer.
func (c cleared) inUse() []string {
	usage, err := c.local.worker.DiskUsage(c.Context(), client.DiskUsageInfo{})
	must(c.T, err)
	used := map[string]bool{}
	for _, u := range usage {
		if u.InUse {
			used[u.ID] = true
		}
	}
	return slices.Collect(maps.Keys(used))
}

func (c cleared) eventually(is func() bool) {
	c.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			c.Fatal("it did not come to be within a minute")
		}
	}
}

// TestClearCountsWhatHasGrown: a folder that installs share is measured each time.
func TestClearCountsWhatHasGrown(t *testing.T) {
	c := cleared{t, open(t, t.TempDir(), io.Discard)}
	c.fill("small", 1)
	must(t, c.local.collect(t.Context()))
	c.fill("large", 20)
	done, err := c.Clear(t.Context(), 12e6)
	must(t, err)
	if done.Freed < 20e6 || done.Left > 12e6 || done.Left < 1e6 || done.Held != 0 {
		t.Errorf("of 21 MB and the base: %+v", done)
	}
}

// TestClearKeepsWhatFits: gc --keep takes nothing from a store that fits, says
// what is held, and without it goes what nobody uses.
func TestClearKeepsWhatFits(t *testing.T) {
	c := cleared{t, open(t, t.TempDir(), io.Discard)}
	r := request(t, "busybox yes | busybox head -c 2000000 > /filled")
	res, err := c.Solve(t.Context(), r)
	must(t, err)
	c.eventually(func() bool { return len(c.inUse()) == 0 })
	done, err := c.Clear(t.Context(), 0)
	must(t, err)
	if done.Held < 2e6 || done.Left < done.Held {
		t.Errorf("an image that is in use: %+v", done)
	}
	readIn(t, res, "filled")
	must(t, c.local.worker.releaseUnused(t.Context(), nil))
	if done, err := c.Clear(t.Context(), 1<<30); done.Freed != 0 || done.Held != 0 || err != nil {
		t.Errorf("of a store that fits: %+v, %v", done, err)
	}
	readIn(t, res, "filled")
	if done, err = c.Clear(t.Context(), 0); err != nil || done.Freed < 2e6 || done.Left != 0 {
		t.Errorf("nothing is in use: %+v, %v", done, err)
	}
}
