// Command informer is what remediator's cache is measured against: shared informers of client-go over all pods and
// nodes, as controllers in Go have them, with a handler that keeps which of them meet a condition.
//
//	informer URL
//
// It prints "synced PODS NODES HOLDING" when it has all of them, and runs until it is ended.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// holding is who meets a condition, by namespace and name.
type holding struct {
	mutex sync.Mutex
	names map[string]struct{}
}

func (h *holding) see(object any, holds bool) {
	name, err := cache.MetaNamespaceKeyFunc(object)
	if err != nil {
		return
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if holds {
		h.names[name] = struct{}{}
	} else {
		delete(h.names, name)
	}
}

func (h *holding) count() int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return len(h.names)
}

// holds are the conditions of the rules that the product is given in this benchmark.
func holds(object any) bool {
	switch seen := object.(type) {
	case *corev1.Pod:
		return seen.Status.Phase == corev1.PodFailed
	case *corev1.Node:
		return seen.Spec.Unschedulable
	}
	return false
}

// withoutManagedFields is what client-go's documentation advises who wants to save memory.
func withoutManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}

func main() {
	config := &rest.Config{Host: os.Args[1], UserAgent: "bench-informer", QPS: -1}
	factory := informers.NewSharedInformerFactoryWithOptions(
		kubernetes.NewForConfigOrDie(config), 0, informers.WithTransform(withoutManagedFields))
	pods, nodes := factory.Core().V1().Pods().Informer(), factory.Core().V1().Nodes().Informer()
	found := &holding{names: map[string]struct{}{}}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { found.see(object, holds(object)) },
		UpdateFunc: func(_, object any) { found.see(object, holds(object)) },
		DeleteFunc: func(object any) { found.see(object, false) },
	}
	var synced []cache.InformerSynced
	for _, informer := range []cache.SharedIndexInformer{pods, nodes} {
		registration, err := informer.AddEventHandler(handler)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		synced = append(synced, registration.HasSynced)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		os.Exit(1)
	}
	fmt.Println("synced", len(pods.GetStore().ListKeys()), len(nodes.GetStore().ListKeys()), found.count())
	<-ctx.Done()
}
