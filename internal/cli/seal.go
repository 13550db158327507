package cli

import (
	"context"
	"encoding/hex"
	"path"
	"strings"

	"github.com/sandwright/sandwright/internal/gitmeta"
	"github.com/sandwright/sandwright/internal/plan"
	"github.com/sandwright/sandwright/internal/receipt"
	"github.com/sandwright/sandwright/internal/stage"
)

// seal says what each layer of the image is made from. It reads what is not
// known of the tree, and nothing else.
func seal(ctx context.Context, b blueprint, repo gitmeta.Metadata) (receipt.Receipt, error) {
	contents, err := b.tree.Contents(ctx)
	if err != nil {
		return receipt.Receipt{}, err
	}
	sums := map[string]string{}
	for _, ws := range b.workspace.All() {
		for _, in := range ws.Inputs {
			name := path.Join(ws.Dir, in.Path)
			sums[name] = rawSum(b.tree, contents, name, in.Data)
		}
	}
	return plan.Seal(b.plan, plan.Contents{
		Lock: b.lock, Workspace: b.workspace,
		Raw:        func(p string) string { return sums[p] },
		Repository: repositoryFacts(repo),
		Init:       b.init,
	}), nil
}

// rawSum is the sha256 hex of a file that an install reads. What the tree knows
// of a small file is that; a large one is read by an install as it is.
func rawSum(tree *stage.Tree, contents []stage.Contents, name string, data []byte) string {
	i, ok := tree.Place(name)
	if !ok || contents[i].Size > stage.WholeSum {
		return receipt.SumOf(data)
	}
	return hex.EncodeToString([]byte(contents[i].Sum))
}

// repositoryFacts are the files of .git.
func repositoryFacts(repo gitmeta.Metadata) map[string]string {
	out := map[string]string{}
	for _, f := range repo.Files {
		if f.Open != nil {
			out[receipt.Name(strings.TrimPrefix(f.Path, ".git/"))] = "#" + hex.EncodeToString(f.ID[:4])
		}
	}
	return out
}
