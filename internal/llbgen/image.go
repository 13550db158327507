package llbgen

import (
	"encoding/json"
	"maps"
	"slices"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/spec"
)

// ImageConfig is the OCI image config of p, with labels beside its own, or in
// their place. PID 1 is the ENTRYPOINT: platforms that replace CMD keep it.
func ImageConfig(p plan.Plan, labels map[string]string) ([]byte, error) {
	platform, err := platformOf(p.Platform)
	if err != nil {
		return nil, err
	}
	img := ocispecs.Image{Platform: platform, Config: ocispecs.ImageConfig{
		Entrypoint: []string{spec.InitPath},
		WorkingDir: p.Target,
		Labels:     map[string]string{"org.opencontainers.image.title": p.Name},
	}}
	maps.Copy(img.Config.Labels, labels)
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		img.Config.Env = append(img.Config.Env, name+"="+p.Env[name])
	}
	return json.Marshal(img)
}
