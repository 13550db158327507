package engine

import (
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// ProxyOf reads the proxies of an environment, as os.Environ gives it: the
// variables in upper case, or else in lower case, as programs read them. It is
// nil where there are none.
func ProxyOf(env []string) *pb.ProxyEnv {
	found := map[string]string{}
	for _, kv := range env {
		if name, value, _ := strings.Cut(kv, "="); value != "" && (found[strings.ToUpper(name)] == "" || name == strings.ToUpper(name)) {
			found[strings.ToUpper(name)] = value
		}
	}
	p := &pb.ProxyEnv{
		HttpProxy: found["HTTP_PROXY"], HttpsProxy: found["HTTPS_PROXY"], FtpProxy: found["FTP_PROXY"],
		NoProxy: found["NO_PROXY"], AllProxy: found["ALL_PROXY"],
	}
	if p.HttpProxy+p.HttpsProxy+p.FtpProxy+p.AllProxy == "" {
		return nil
	}
	return p
}

// withProxy gives a definition whose steps with a network see the proxies.
// BuildKit keeps them out of cache keys and of the image. The graph is chained
// by digests, which are made anew.
func withProxy(def *pb.Definition, proxy *pb.ProxyEnv) (*pb.Definition, error) {
	if proxy == nil {
		return def, nil
	}
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}, Source: def.Source.CloneVT()}
	renamed := map[string]string{}
	for _, data := range def.Def { // inputs come first
		var op pb.Op
		if err := op.UnmarshalVT(data); err != nil {
			return nil, err
		}
		for _, in := range op.Inputs {
			if name, ok := renamed[in.Digest]; ok {
				in.Digest = name
			}
		}
		if exec := op.GetExec(); exec != nil && exec.Network != pb.NetMode_NONE {
			exec.Meta.ProxyEnv = proxy
		}
		made, err := op.MarshalVT()
		if err != nil {
			return nil, err
		}
		before, after := digest.FromBytes(data).String(), digest.FromBytes(made).String()
		renamed[before] = after
		out.Def = append(out.Def, made)
		if meta, ok := def.Metadata[before]; ok {
			out.Metadata[after] = meta
		}
		if out.Source != nil && out.Source.Locations[before] != nil {
			out.Source.Locations[after] = out.Source.Locations[before]
		}
	}
	return out, nil
}
