package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/contrib/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sandwright/sandwright/internal/spec"
)

// pidsLimit bounds the processes of a box, threads included.
const pidsLimit = 16384

// writeBundle writes the bundle into the current directory.
func writeBundle(req request, network, resolv string) error {
	config, err := json.Marshal(bundle(req, network))
	if err != nil {
		return err
	}
	name := req.Config.Name
	hosts := fmt.Sprintf("127.0.0.1 localhost\n::1 localhost ip6-localhost\n%s %s\n", boxAddr, name)
	return errors.Join(
		os.WriteFile("config.json", config, 0o600),
		writeSecrets(req.Config),
		os.WriteFile("hosts", []byte(hosts), 0o644),
		os.WriteFile("hostname", []byte(name+"\n"), 0o644),
		os.WriteFile("resolv.conf", []byte(resolv), 0o644),
	)
}

// bundle is the runtime's configuration of a box in the network namespace at a path.
func bundle(req request, network string) *specs.Spec {
	limit := int64(pidsLimit)
	s := &specs.Spec{
		Version:  "1.0.2",
		Hostname: req.Config.Name,
		Root:     &specs.Root{Path: "rootfs"},
		Process: rootProcess(req.Config.Env,
			spec.InitPath, "--control-fd", fmt.Sprint(controlFD), "--env-fd", fmt.Sprint(valuesFD)),
		Mounts: mounts(req),
		Linux: &specs.Linux{
			Namespaces:  namespaces(network),
			CgroupsPath: req.Place.cgroup(),
			MaskedPaths: maskedPaths(),
			Sysctl: map[string]string{ // as Docker's: any user may serve port 80, and ping
				"net.ipv4.ip_unprivileged_port_start": "0",
				"net.ipv4.ping_group_range":           "0 2147483647",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
			Resources: &specs.LinuxResources{
				Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
				Pids:    &specs.LinuxPids{Limit: &limit},
			},
		},
	}
	s.Linux.Seccomp = seccomp.DefaultProfile(s)
	// Nobody ships programs of x32, and the runtime compiles its part of the filter
	// at every start: a seventh of the time that it takes.
	s.Linux.Seccomp.Architectures = slices.DeleteFunc(s.Linux.Seccomp.Architectures, func(a specs.Arch) bool { return a == specs.ArchX32 })
	return s
}

// rootProcess is a process of the box's root, with no more than Docker's
// default capabilities and no way to gain any.
func rootProcess(env map[string]string, argv ...string) *specs.Process {
	caps := []string{
		"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
		"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
	return &specs.Process{
		Args: argv, Env: environ(env), Cwd: "/", NoNewPrivileges: true, Rlimits: rlimits(),
		Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
	}
}

func environ(env map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// rlimits allows as many open files as this process itself may have.
func rlimits() []specs.POSIXRlimit {
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err != nil {
		return nil
	}
	n := min(own.Max, 1<<20)
	return []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: n, Hard: n}}
}

// namespaces of the box, all its own; that of the network is there already.
func namespaces(network string) []specs.LinuxNamespace {
	kinds := []specs.LinuxNamespaceType{specs.PIDNamespace, specs.MountNamespace, specs.IPCNamespace, specs.UTSNamespace}
	var fs unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &fs); err == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
		kinds = append(kinds, specs.CgroupNamespace)
	}
	out := []specs.LinuxNamespace{{Type: specs.NetworkNamespace, Path: network}}
	for _, kind := range kinds {
		out = append(out, specs.LinuxNamespace{Type: kind})
	}
	return out
}

func mounts(req request) []specs.Mount {
	p := req.Place
	table := []struct{ target, kind, source, options string }{
		{"/proc", "proc", "proc", "nosuid,noexec,nodev"},
		{"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
		{"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
		{"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=1g"},
		{"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
		{"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
		{"/run", "tmpfs", "tmpfs", "nosuid,nodev,mode=755,size=1g"},
		{"/etc/resolv.conf", "bind", p.bundle() + "/resolv.conf", "bind,ro"},
		{"/etc/hosts", "bind", p.bundle() + "/hosts", "bind,ro"},
		{"/etc/hostname", "bind", p.bundle() + "/hostname", "bind,ro"},
		{spec.LogDir, "bind", p.logs(), "bind,rw,nosuid,nodev,noexec"},
	}
	if len(req.Config.SecretFiles) > 0 {
		table = append(table, struct{ target, kind, source, options string }{
			boxSecrets, "bind", p.bundle() + "/" + ownSecrets, "bind,ro,nosuid,nodev,noexec",
		})
	}
	var out []specs.Mount
	for _, m := range table {
		out = append(out, specs.Mount{Destination: m.target, Type: m.kind, Source: m.source, Options: strings.Split(m.options, ",")})
	}
	return out
}

// maskedPaths are Docker's.
func maskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
}
