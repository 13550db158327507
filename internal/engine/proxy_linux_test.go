package engine

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/tonistiigi/fsutil"
	"google.golang.org/protobuf/testing/protocmp"
)

func TestProxyOf(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		want *pb.ProxyEnv
	}{
		"none":         {[]string{"PATH=/bin", "HTTP_PROXY="}, nil},
		"no_proxy":     {[]string{"NO_PROXY=localhost"}, nil},
		"upper":        {[]string{"HTTPS_PROXY=http://p:1", "NO_PROXY=localhost"}, &pb.ProxyEnv{HttpsProxy: "http://p:1", NoProxy: "localhost"}},
		"lower":        {[]string{"http_proxy=http://p:1", "all_proxy=socks5://q:2"}, &pb.ProxyEnv{HttpProxy: "http://p:1", AllProxy: "socks5://q:2"}},
		"upper first":  {[]string{"HTTP_PROXY=http://up:1", "http_proxy=http://low:1"}, &pb.ProxyEnv{HttpProxy: "http://up:1"}},
		"upper second": {[]string{"http_proxy=http://low:1", "HTTP_PROXY=http://up:1"}, &pb.ProxyEnv{HttpProxy: "http://up:1"}},
	} {
		if diff := cmp.Diff(c.want, ProxyOf(c.env), protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestProxiesReachStepsWithANetworkOnly: those see them, no other does, no file
// of the image has them, and another proxy builds nothing anew.
func TestProxiesReachStepsWithANetworkOnly(t *testing.T) {
	root := t.TempDir()
	e := open(t, root, io.Discard)
	base := llb.Scratch().File(llb.Copy(llb.Local("base"), "/", "/"))
	const see = "[ -z \"${HTTPS_PROXY:-}${https_proxy:-}\" ] || saw=yes; echo ${saw:-no} > /"
	st := base.Run(llb.Args([]string{"/bin/sh", "-ec", see + "online"}), llb.WithCustomName("online")).
		Run(llb.Args([]string{"/bin/sh", "-ec", see + "offline"}), llb.Network(llb.NetModeNone), llb.WithCustomName("offline"))
	def, err := st.Root().Marshal(t.Context(), llb.LinuxAmd64)
	must(t, err)
	r := Request{Image: "image", Definition: def, Trees: map[string]fsutil.FS{"base": busybox(t)}, Proxy: &pb.ProxyEnv{HttpsProxy: "http://user:pass@proxy.example:3128"}}
	res, err := e.Solve(t.Context(), r)
	must(t, err)
	if online, offline := readIn(t, res, "online"), readIn(t, res, "offline"); online != "yes\n" || offline != "no\n" {
		t.Errorf("online saw one: %q, offline: %q", online, offline)
	}
	for _, proxy := range []*pb.ProxyEnv{nil, {HttpsProxy: "http://other.example:3128"}} {
		r.Proxy = proxy
		res, err = e.Solve(t.Context(), r)
		must(t, err)
		if again := rebuilt(res.Steps); len(again) > 0 {
			t.Errorf("with proxy %v it built %q", proxy, again)
		}
	}
	tar := filepath.Join(t.TempDir(), "image.tar")
	_, err = e.Export(t.Context(), r, Export{
		Images:  []Image{{Platform: "linux/amd64", Definition: def, Config: []byte(`{"os":"linux","architecture":"amd64"}`)}},
		Outputs: []Output{{Kind: Docker, Path: tar, Names: []string{"demo"}}}, Provenance: "max",
	})
	must(t, err)
	shell(t, `! grep -a -q proxy.example "$1"`, tar)
}
