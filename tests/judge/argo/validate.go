// Says of each file what Argo's own validator says of its workflows.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	fake "github.com/argoproj/argo-workflows/v4/pkg/client/clientset/versioned/fake"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/workflow/common"
	"github.com/argoproj/argo-workflows/v4/workflow/templateresolution"
	"github.com/argoproj/argo-workflows/v4/workflow/validate"
)

const namespace = "default"

func main() {
	ctx := logging.WithLogger(context.Background(), logging.NewSlogLoggerCustom(logging.Error, logging.Text, io.Discard))
	for _, file := range os.Args[1:] {
		text, err := os.ReadFile(file)
		if err != nil {
			fmt.Printf("%s: %v\n", file, err)
			continue
		}
		judge(ctx, file, text)
	}
}

func judge(ctx context.Context, file string, text []byte) {
	clients := fake.NewClientset().ArgoprojV1alpha1()
	var workflows []*wfv1.Workflow
	var checks []func() error
	templates := templateresolution.WrapWorkflowTemplateInterface(clients.WorkflowTemplates(namespace))
	cluster := templateresolution.WrapClusterWorkflowTemplateInterface(clients.ClusterWorkflowTemplates())
	for _, parsed := range common.ParseObjects(ctx, text, true) {
		if parsed.Err != nil {
			fmt.Printf("%s: cannot be read: %v\n", file, parsed.Err)
		}
		switch object := parsed.Object.(type) {
		case *wfv1.Workflow:
			if object.Name == "" {
				object.Name = "wf"
			}
			object.Namespace = namespace
			workflows = append(workflows, object)
		case *wfv1.WorkflowTemplate:
			object.Namespace = namespace
			_, _ = clients.WorkflowTemplates(namespace).Create(ctx, object, metav1.CreateOptions{})
			checks = append(checks, func() error {
				return validate.WorkflowTemplate(ctx, templates, cluster, object, nil, validate.Opts{Lint: true})
			})
		case *wfv1.ClusterWorkflowTemplate:
			_, _ = clients.ClusterWorkflowTemplates().Create(ctx, object, metav1.CreateOptions{})
			checks = append(checks, func() error {
				return validate.ClusterWorkflowTemplate(ctx, templates, cluster, object, nil, validate.Opts{Lint: true})
			})
		case *wfv1.CronWorkflow:
			object.Namespace = namespace
			checks = append(checks, func() error {
				return validate.CronWorkflow(ctx, templates, cluster, object, nil)
			})
		}
	}
	for _, check := range checks {
		fmt.Printf("%s: %v\n", file, verdict(check))
	}
	for _, workflow := range workflows {
		fmt.Printf("%s: %v\n", file, verdict(func() error {
			return validate.Workflow(ctx, templates, cluster, workflow, nil, validate.Opts{Lint: os.Getenv("LINT") != ""})
		}))
	}
}

// verdict turns a panic of the validator into an error.
func verdict(check func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the validator panics: %v", cause)
		}
	}()
	return check()
}
