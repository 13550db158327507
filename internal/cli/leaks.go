package cli

import (
	"context"
	"io"
	"path/filepath"

	"github.com/moby/buildkit/client/llb"

	"github.com/sandwright/sandwright/internal/engine"
	"github.com/sandwright/sandwright/internal/fault"
	"github.com/sandwright/sandwright/internal/leak"
)

// secrets are the values of all secrets that are known, by name.
func (v values) secrets() map[string]string {
	secrets := map[string]string{}
	for name, value := range v.buildSecrets {
		secrets[name] = string(value)
	}
	for name, value := range v.publish {
		if value.Secret {
			secrets[name] = value.Text
		}
	}
	for name, value := range v.run {
		if _, shown := v.shown[name]; !shown {
			secrets[name] = value
		}
	}
	return secrets
}

// leakChecker knows the secrets, and refuses what BuildKit would keep for ever
// before it hears of it: the image's config, and the graph, of which its
// history is made.
func leakChecker(secrets map[string]string, def *llb.Definition, config []byte) (*leak.Checker, error) {
	c, err := leak.New(secrets, filepath.Join(home(), "leaks"))
	if err != nil {
		return nil, err
	}
	found := c.Text("the image's config", "config", config)
	for _, op := range def.Def {
		found = append(found, c.Text("a build step", "history", op)...)
	}
	for _, meta := range def.Metadata {
		for _, text := range meta.Description {
			found = append(found, c.Text("a build step", "history", []byte(text))...)
		}
	}
	return c, leaked(found)
}

// checkLayers refuses an image with a secret in a layer.
func checkLayers(ctx context.Context, c *leak.Checker, layers []engine.Layer) error {
	all := make([]leak.Layer, len(layers))
	for i, l := range layers {
		all[i] = leak.Layer{Dir: l.Dir, Name: l.Name}
	}
	found, err := c.Layers(ctx, all)
	if err != nil {
		return err
	}
	return leaked(found)
}

// checkArchive refuses a written image with a secret in its config or history.
func checkArchive(c *leak.Checker, tar io.Reader) error {
	found, err := c.Archive(tar)
	if err != nil {
		return err
	}
	return leaked(found)
}

// leaked says where secrets stand. Values are not shown.
func leaked(found []leak.Leak) error {
	var faults fault.List
	said := map[leak.Leak]bool{}
	for _, l := range found {
		if !said[l] {
			said[l] = true
			faults = append(faults, fault.Cannot("use the image: the value of %s stands in the %s of %s, in the layer of %s", l.Secret, l.Where, printable(l.Path), printable(l.Layer)).
				WithHint("keep it out of the build: give it to services with scope: run, or read it in the step without writing it down; then change the secret"))
		}
	}
	return faults.Err()
}
