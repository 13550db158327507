package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/moby/buildkit/client"
)

func (e *embedded) client() *client.Client { return e.conn }

// export asks the worker for its own exporter.
func (e *embedded) export(_ context.Context, j *job) error {
	j.opt.Exports = []client.ExportEntry{{Type: exporterRootfs, Attrs: map[string]string{"image": j.request.Image}}}
	return nil
}

// layers reads what that has said: all is unpacked already.
func (e *embedded) layers(_ context.Context, _ Request, answer map[string]string) (layers []Layer, err error) {
	if err := json.Unmarshal([]byte(answer[layersKey]), &layers); err != nil {
		return nil, fmt.Errorf("cannot read the engine's answer: %w", err)
	}
	return layers, nil
}
