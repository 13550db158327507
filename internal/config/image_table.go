package config

import (
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// An Image is what is said of the image beside its files.
type Image struct {
	Labels      map[string]string // in its config
	Annotations map[string]string // in its manifest
	Tags        []string          // names, or bare tags
}

// A Publish is where publish puts the image. An empty Registry asks Daytona
// for one.
type Publish struct {
	Registry string   // repository, such as registry.example.com/team/app
	Daytona  *Daytona // nil: no snapshot is made
}

// Daytona says what a snapshot there is given. A zero number is Daytona's own
// default.
type Daytona struct {
	Name   string // what snapshots' names start with; default File.Name
	CPU    int    // cores
	Memory int    // GB
	Disk   int    // GB
	Region string // id
}

func imageShape() object[Image] {
	pairs := func() dict[string] {
		return dict[string]{nameRule(`[A-Za-z0-9][A-Za-z0-9._/-]{0,254}`, "it is 1 to 255 letters, digits, dots, dashes, underscores or slashes"), checked("a text", noNUL), "NAME"}
	}
	return object[Image]{fields: []field[Image]{
		key("labels", func(i *Image) *map[string]string { return &i.Labels }, pairs(),
			"Labels in the image's config. Whoever has the image reads them: no credentials.").such("{org.opencontainers.image.source: \"https://example.com/app\"}"),
		key("annotations", func(i *Image) *map[string]string { return &i.Annotations }, pairs(),
			"Annotations of the image's manifest, and of the index of several, where it is pushed or written as an OCI image.").such("{org.opencontainers.image.vendor: Example}"),
		key("tags", func(i *Image) *[]string { return &i.Tags }, list[string]{of: checked("a name or tag", imageTag)},
			"Names of the image where it is pushed, loaded or written and the command line says none. A bare tag belongs to what is pushed, or to the project's own name.").such("[dev, registry.example.com/team/app:dev]"),
	}}
}

// imageTag accepts a bare tag or a name.
func imageTag(text string) *reason {
	if nameRule(`[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`, "")(text) == nil {
		return nil
	}
	if _, err := name.NewTag(strings.TrimPrefix(text, "http://")); err != nil {
		return &reason{"it is neither a tag nor the name of an image", "such as dev, or registry.example.com/team/app:dev"}
	}
	return nil
}

// repository accepts the name of an image without a tag.
func repository(text string) *reason {
	bare := strings.TrimPrefix(text, "http://")
	host, _, ok := strings.Cut(bare, "/")
	if _, err := name.NewRepository(bare); err != nil || !ok || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return &reason{"it is no HOST/NAME, without a tag", "such as registry.example.com/team/app"}
	}
	return nil
}

func publishShape() object[Publish] {
	return object[Publish]{fields: []field[Publish]{
		key("registry", func(p *Publish) *string { return &p.Registry }, checked("a repository", repository),
			"The repository that the image is pushed to, under a tag made of its content. http:// before it says that the registry has no TLS.").
			otherwiseIs("the registry that Daytona gives access to").such("registry.example.com/team/app"),
		key("daytona", func(p *Publish) **Daytona { return &p.Daytona }, optional[Daytona]{daytonaShape()},
			"That a snapshot is made of the image, with DAYTONA_API_KEY and DAYTONA_API_URL of the environment.").such("{cpu: 2, memory: 4, disk: 10}"),
	}}
}

func daytonaShape() object[Daytona] {
	return object[Daytona]{fields: []field[Daytona]{
		key("name", func(d *Daytona) *string { return &d.Name }, words("a name", `[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}`, "a name is 1 to 63 letters, digits, dots, dashes or underscores"),
			"What the names of snapshots start with. The rest is made of their content.").otherwiseIs("the project's name").such("app"),
		key("cpu", func(d *Daytona) *int { return &d.CPU }, whole[int]("a number of cores", 1, 1024), "Cores of a sandbox.").otherwiseIs("Daytona's own").such("2"),
		key("memory", func(d *Daytona) *int { return &d.Memory }, whole[int]("a number of GB", 1, 65536), "Memory of a sandbox, in GB.").otherwiseIs("Daytona's own").such("4"),
		key("disk", func(d *Daytona) *int { return &d.Disk }, whole[int]("a number of GB", 1, 65536), "Disk of a sandbox, in GB.").otherwiseIs("Daytona's own").such("10"),
		key("region", func(d *Daytona) *string { return &d.Region }, words("an id", `[A-Za-z0-9][A-Za-z0-9_.-]{0,127}`, "it is no id of a region"),
			"The id of the region that the snapshot is made in.").otherwiseIs("Daytona's own").such("us"),
	}}
}
