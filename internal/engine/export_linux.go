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
	names, err := json.Marshal(j.names)
	j.opt.Exports = []client.ExportEntry{{Type: exporterRootfs, Attrs: map[string]string{"image": j.request.Image, namesKey: string(names)}}}
	return err
}

// layers reads what that has said: all is unpacked already.
func (e *embedded) layers(_ context.Context, _ *job, answer map[string]string) (layers []Layer, err error) {
	if err := json.Unmarshal([]byte(answer[layersKey]), &layers); err != nil {
		return nil, fmt.Errorf("cannot read the engine's answer: %w", err)
	}
	return layers, nil
}
