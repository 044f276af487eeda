// Runs workflows in the controller's operate loop; their pods are played by processes of this machine.
package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strings"
	"testing"
	"time"

	apiv1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	k8stesting "k8s.io/client-go/testing"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
)

type ran struct {
	code int
	out  string
}

func podTemplate(pod *apiv1.Pod) *wfv1.Template {
	for _, cs := range [][]apiv1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range cs {
			for _, e := range c.Env {
				if e.Name == common.EnvVarTemplate {
					var t wfv1.Template
					if json.Unmarshal([]byte(e.Value), &t) == nil {
						return &t
					}
				}
			}
		}
	}
	return nil
}

func wantsResult(pod *apiv1.Pod) bool {
	for _, c := range pod.Spec.Containers {
		for _, e := range c.Env {
			if e.Name == common.EnvVarIncludeScriptOutput && e.Value == "true" {
				return true
			}
		}
	}
	return false
}

func execute(tmpl *wfv1.Template, result bool) (ran, *wfv1.Outputs) {
	var argv []string
	switch {
	case tmpl.Script != nil:
		script, err := os.CreateTemp("", "judge-")
		if err != nil {
			panic(err)
		}
		defer os.Remove(script.Name())
		_, _ = script.WriteString(tmpl.Script.Source)
		_ = script.Close()
		argv = append(append(append([]string{}, tmpl.Script.Command...), tmpl.Script.Args...), script.Name())
	case tmpl.Container != nil:
		argv = append(append([]string{}, tmpl.Container.Command...), tmpl.Container.Args...)
	default:
		return ran{}, &wfv1.Outputs{}
	}
	for _, p := range tmpl.Outputs.Parameters {
		// What another task left there is not this one's output.
		if p.ValueFrom != nil && strings.HasPrefix(p.ValueFrom.Path, "/tmp/") {
			_ = os.Remove(p.ValueFrom.Path)
		}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = os.Environ()
	if tmpl.Container != nil {
		for _, e := range tmpl.Container.Env {
			cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
		}
	}
	b, err := cmd.Output()
	r := ran{out: strings.TrimRight(string(b), "\n")}
	if ee, ok := err.(*exec.ExitError); ok {
		r.code = ee.ExitCode()
	} else if err != nil {
		r.code = 127
	}
	outs := tmpl.Outputs.DeepCopy()
	for i, p := range outs.Parameters {
		if p.ValueFrom != nil && p.ValueFrom.Path != "" {
			if f, e := os.ReadFile(p.ValueFrom.Path); e == nil {
				outs.Parameters[i].Value = wfv1.AnyStringPtr(strings.TrimSuffix(string(f), "\n"))
			} else if p.ValueFrom.Default != nil {
				outs.Parameters[i].Value = p.ValueFrom.Default
			}
		}
	}
	for i, a := range outs.Artifacts {
		outs.Artifacts[i].S3 = &wfv1.S3Artifact{S3Bucket: wfv1.S3Bucket{Endpoint: "e", Bucket: "b"}, Key: a.Name}
	}
	if result {
		outs.Result = &r.out
	}
	code := fmt.Sprint(r.code)
	outs.ExitCode = &code
	return r, outs
}

func TestJudge(t *testing.T) {
	for _, f := range strings.Fields(os.Getenv("CASES")) {
		t.Run(f, func(t *testing.T) { judgeCase(t, f) })
	}
}

func judgeCase(t *testing.T, f string) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Printf("%s: PANIC %v\n", f, r)
		}
	}()
	ctx := logging.TestContext(context.Background())
	b, _ := os.ReadFile(f)
	var wf *wfv1.Workflow
	opts := []any{}
	for _, r := range common.ParseObjects(ctx, b, false) {
		switch o := r.Object.(type) {
		case *wfv1.Workflow:
			wf = o
			wf.Name, wf.Namespace, wf.UID = "w", "default", "uid"
			wf.CreationTimestamp = metav1.Now()
			opts = append(opts, wf)
		case *wfv1.WorkflowTemplate:
			o.Namespace = "default"
			opts = append(opts, o)
		}
	}
	cancel, controller := newController(ctx, opts...)
	defer cancel()
	created := map[string]int{}
	// An API server gives each new pod this phase.
	controller.kubeclientset.(*fake.Clientset).PrependReactor("create", "pods", func(action k8stesting.Action) (bool, runtime.Object, error) {
		pod := action.(k8stesting.CreateAction).GetObject().(*apiv1.Pod)
		pod.Status.Phase = apiv1.PodPending
		created[pod.Name] = len(created)
		return false, nil, nil
	})
	// With IN_TURN the controller looks between the ends of two pods; such a look is none of the sixty.
	inTurn := os.Getenv("IN_TURN") != ""
	woc := newWorkflowOperationCtx(ctx, wf, controller)
	done := map[string]bool{}
	for i := 0; i < 60 && !woc.wf.Status.Phase.Completed(); i++ {
		woc = newWorkflowOperationCtx(ctx, woc.wf, controller)
		woc.operate(ctx)
		if woc.wf.Status.Phase.Completed() {
			break
		}
		podcs := controller.kubeclientset.CoreV1().Pods("default")
		pods, _ := podcs.List(ctx, metav1.ListOptions{})
		fresh := false
		for _, pod := range pods.Items {
			if pod.Status.Phase == "" || pod.Status.Phase == apiv1.PodPending {
				pod.Status.Phase = apiv1.PodRunning
				for _, c := range pod.Spec.Containers {
					pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, apiv1.ContainerStatus{Name: c.Name, Ready: true, State: apiv1.ContainerState{Running: &apiv1.ContainerStateRunning{}}})
				}
				u, _ := podcs.Update(ctx, &pod, metav1.UpdateOptions{})
				_ = controller.PodController.TestingPodInformer().GetStore().Add(u)
				fresh = true
			}
		}
		if fresh {
			woc = newWorkflowOperationCtx(ctx, woc.wf, controller)
			woc.operate(ctx)
		}
		pods, _ = podcs.List(ctx, metav1.ListOptions{})
		sort.Slice(pods.Items, func(a, b int) bool { return created[pods.Items[a].Name] < created[pods.Items[b].Name] })
		moved := false
		for _, pod := range pods.Items {
			if inTurn && moved {
				break
			}
			if pod.Status.Phase == apiv1.PodRunning && !done[pod.Name] {
				done[pod.Name] = true
				tmpl := podTemplate(&pod)
				// A daemon runs until its controller ends it.
				if tmpl != nil && tmpl.IsDaemon() {
					continue
				}
				moved = true
				r, outs := ran{}, &wfv1.Outputs{}
				if tmpl != nil {
					r, outs = execute(tmpl, wantsResult(&pod))
				}
				pod.Status.Phase = apiv1.PodSucceeded
				if r.code != 0 {
					pod.Status.Phase = apiv1.PodFailed
				}
				pod.Status.ContainerStatuses = nil
				for _, c := range pod.Spec.Containers {
					code := int32(0)
					if c.Name == "main" {
						code = int32(r.code)
					}
					reason := "Completed"
					if code != 0 {
						reason = "Error"
					}
					pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, apiv1.ContainerStatus{Name: c.Name, State: apiv1.ContainerState{Terminated: &apiv1.ContainerStateTerminated{ExitCode: code, Reason: reason}}})
				}
				withOutputs(ctx, *outs)(&pod, woc)
				u, _ := podcs.Update(ctx, &pod, metav1.UpdateOptions{})
				_ = controller.PodController.TestingPodInformer().GetStore().Update(u)
				woc.wf.Status.MarkTaskResultComplete(ctx, woc.nodeID(&pod))
			}
		}
		if moved && inTurn {
			i--
		}
		if !moved && i > 2 {
			time.Sleep(300 * time.Millisecond)
		}
	}
	b, _ = json.Marshal(woc.wf)
	fmt.Printf("JSON %s %s\n", f, b)
}
