package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/moby/buildkit/client"
)

// pruneTogether is how many records BuildKit is told to remove at once: it
// compares each that it has with each of them.
const pruneTogether = 100

// clear removes what is not held, the longest unused first, until keep bytes
// are left.
func (e *embedded) clear(ctx context.Context, keep int64) (Cleared, error) {
	usage, err := e.worker.DiskUsage(ctx, client.DiskUsageInfo{})
	if err != nil {
		return Cleared{}, err
	}
	drop, held := choose(usage, keep)
	done := Cleared{Held: held}
	for ids := range slices.Chunk(drop, pruneTogether) {
		var filter []string
		for _, id := range ids {
			filter = append(filter, "id=="+strconv.Quote(id))
		}
		freed, err := e.prune(ctx, client.PruneInfo{Filter: filter, All: true})
		if done.Freed += freed; err != nil {
			return done, err
		}
	}
	left, err := e.worker.DiskUsage(ctx, client.DiskUsageInfo{})
	for _, u := range left {
		done.Left += u.Size
	}
	return done, err
}

// choose says which records are to go so that no more than keep bytes stay,
// children before what they stand on, and how many bytes are held. What was used
// last stays with all that it stands on; what does not fit beside what was used
// later goes, so that one that is large by itself does not cost all others.
func choose(usage []*client.UsageInfo, keep int64) (drop []string, held int64) {
	records := map[string]*client.UsageInfo{}
	for _, u := range usage {
		records[u.ID] = u
	}
	stays := map[string]bool{}
	stay := func(chain map[string]int64) (n int64) {
		for id, size := range chain {
			stays[id] = true
			n += size
		}
		return n
	}
	for _, u := range usage {
		if u.InUse || u.RecordType == holdType {
			held += stay(standing(records, stays, u.ID))
		}
	}
	total := held
	slices.SortStableFunc(usage, func(a, b *client.UsageInfo) int {
		return cmp.Or(lastUsed(b).Compare(lastUsed(a)), cmp.Compare(a.ID, b.ID))
	})
	for _, u := range usage {
		chain := standing(records, stays, u.ID)
		if need := sum(chain); total+need <= keep {
			total += stay(chain)
		}
	}
	return childrenFirst(records, stays), held
}

// standing is what id needs to stay and has not yet: itself, and what it stands on, with their sizes.
func standing(records map[string]*client.UsageInfo, stays map[string]bool, id string) map[string]int64 {
	chain := map[string]int64{}
	for todo := []string{id}; len(todo) > 0; {
		next := records[todo[0]]
		todo = todo[1:]
		if next == nil || stays[next.ID] {
			continue
		}
		if _, seen := chain[next.ID]; !seen {
			chain[next.ID] = next.Size
			todo = append(todo, next.Parents...)
		}
	}
	return chain
}

// childrenFirst lists the records that do not stay, each before its parents.
func childrenFirst(records map[string]*client.UsageInfo, stays map[string]bool) (order []string) {
	seen := maps.Clone(stays)
	var visit func(id string)
	visit = func(id string) {
		if u := records[id]; u != nil && !seen[id] {
			seen[id] = true
			for _, parent := range u.Parents {
				visit(parent)
			}
			order = append(order, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(records)) {
		visit(id)
	}
	slices.Reverse(order)
	return order
}

func sum(sizes map[string]int64) (n int64) {
	for _, size := range sizes {
		n += size
	}
	return n
}

// lastUsed of a record that nobody has used since it was made is that moment.
func lastUsed(u *client.UsageInfo) time.Time {
	if u.LastUsedAt != nil {
		return *u.LastUsedAt
	}
	return u.CreatedAt
}
