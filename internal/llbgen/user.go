package llbgen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/plan"
)

// A Runner is a base of another platform. The zero Runner is none.
type Runner struct {
	Base     string // NAME@DIGEST, as in Layers
	Platform string
}

// Programs says which steps of p's graph run programs of p's own platform, in
// the order of the graph. With a Runner there must be none.
func Programs(p plan.Plan) (steps []string) {
	for _, in := range p.Installs {
		steps = append(steps, "the install of the workspace")
		if len(in.Hooks) > 0 {
			steps = append(steps, "its lifecycle scripts")
		}
	}
	for _, s := range p.Build {
		steps = append(steps, "the build step "+s.Run)
	}
	return steps
}

// target is where a system that cannot run itself stands in a runner.
const target = "/sandwright-target"

// withUser adds the sandbox's user, and the folders that are its own, to st. A
// runner does so from outside.
func withUser(st llb.State, p plan.Plan, l Layers) llb.State {
	name := llb.WithCustomName("user " + p.User.Name)
	args := []string{"/bin/sh", "-euc", addUser, "sh", p.User.Name, fmt.Sprint(p.User.UID), p.User.Home, p.Target, storesOf(p)}
	if l.Runner.Base == "" {
		return st.Run(llb.Args(append(args, "")), llb.Network(llb.NetModeNone), name).Root()
	}
	own, err := platformOf(l.Runner.Platform)
	if err != nil {
		panic(err) // it is the engine's own platform
	}
	runner := llb.OCILayout(l.Runner.Base, llb.OCIStore("", l.Store), llb.Platform(own), llb.WithCustomName("base that adds the user"))
	run := runner.Run(llb.Args(append(args, target)), llb.Network(llb.NetModeNone), llb.Platform(own), name)
	return run.AddMount(target, st)
}

// storesOf are the folders that are to be the user's, for what package managers
// keep there, with a space between two; empty where there are none.
func storesOf(p plan.Plan) string {
	if len(p.Installs) == 0 {
		return ""
	}
	stores := []string{plan.StoreRoot}
	for _, in := range p.Installs {
		stores = append(stores, in.Store)
	}
	slices.Sort(stores)
	return strings.Join(slices.Compact(stores), " ")
}

// addUser writes what useradd would, without the date that it would add to
// /etc/shadow, and makes the folders of the workspace and of the stores, in the
// system at $6.
const addUser = `
echo "$1:x:$2:$2::$3:/bin/bash" >> "$6/etc/passwd"
echo "$1:x:$2:" >> "$6/etc/group"
echo "$1:!:1::::::" >> "$6/etc/shadow"
mkdir -p "$6$3" "$6$4"
dir=$4
while [ "$dir" != "$3" ] && [ "$dir" != / ]; do
	chown "$2:$2" "$6$dir"
	case $dir in "$3"/*) dir=${dir%/*} ;; *) break ;; esac
done
chown "$2:$2" "$6$3"
for store in $5; do
	mkdir -p "$6$store"
	chown "$2:$2" "$6$store"
done
`
