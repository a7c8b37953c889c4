// Command controlplane is a Kubernetes control plane in one program, for tests: the first argument names the part
// to run (etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl), the rest are that part's own flags.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// parts maps a name to a function that runs that part to its end and returns the exit code.
var parts = map[string]func() int{
	"etcd":                    func() int { etcdmain.Main(os.Args); return 0 },
	"kube-apiserver":          command(apiserver.NewAPIServerCommand),
	"kube-controller-manager": command(controllers.NewControllerManagerCommand),
	"kube-scheduler":          command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubectl":                 command(kubectl.NewDefaultKubectlCommand),
}

// command puts off building the command until it is asked for: the constructors read os.Args and register flags.
func command(build func() *cobra.Command) func() int {
	return func() int { return cli.Run(build()) }
}

// chosen finds the part in the program's own name (a link named kubectl) or in the first argument, which it removes.
func chosen() (func() int, bool) {
	if run, ok := parts[filepath.Base(os.Args[0])]; ok {
		return run, true
	}
	if len(os.Args) < 2 {
		return nil, false
	}
	run, ok := parts[os.Args[1]]
	if ok {
		os.Args = append([]string{os.Args[1]}, os.Args[2:]...)
	}
	return run, ok
}

func main() {
	run, ok := chosen()
	if !ok {
		names := make([]string, 0, len(parts))
		for name := range parts {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: controlplane PART [flags]\nPART is one of: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Exit(run())
}
