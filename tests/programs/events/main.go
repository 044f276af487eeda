// What Argo Events does with our objects: its own types read them strictly, its controllers' validators judge them, and its
// sensor's filters, parameters and trigger take each event to the API server, with the rights of the sensor's account.
//
// Input (standard input): {"namespace", "eventBus", "eventSource", "sensor": objects, "events": [{"kind": X-GitHub-Event,
// "time": RFC 3339, "body": payload}]}. Output: a list with, for each event, the object that the trigger got back, or null
// where no dependency let the event in. The only argument is a kubeconfig that may impersonate accounts.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-events/pkg/apis/events/v1alpha1"
	"github.com/argoproj/argo-events/pkg/reconciler/eventbus"
	"github.com/argoproj/argo-events/pkg/reconciler/eventsource"
	"github.com/argoproj/argo-events/pkg/reconciler/sensor"
	"github.com/argoproj/argo-events/pkg/sensors/dependencies"
	"github.com/argoproj/argo-events/pkg/sensors/triggers"
	standardk8s "github.com/argoproj/argo-events/pkg/sensors/triggers/standard-k8s"
)

type request struct {
	Namespace   string          `json:"namespace"`
	EventBus    json.RawMessage `json:"eventBus"`
	EventSource json.RawMessage `json:"eventSource"`
	Sensor      json.RawMessage `json:"sensor"`
	Events      []webhook       `json:"events"`
}

type webhook struct {
	Kind string         `json:"kind"`
	Time time.Time      `json:"time"`
	Body map[string]any `json:"body"`
}

// must ends the program with what went wrong where.
func must(err error, where string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", where, err)
		os.Exit(1)
	}
}

func read(raw json.RawMessage, into any, what string) {
	must(yaml.UnmarshalStrict(raw, into), what)
}

// event is what the event source puts on the bus (pkg/eventsources/sources/github, parseValidateRequest and HandleRoute;
// pkg/eventsources/eventing.go).
func (w webhook) event(source string) *v1alpha1.Event {
	w.Body["X-GitHub-Event"] = w.Kind
	w.Body["X-GitHub-Delivery"] = "1"
	data, err := json.Marshal(map[string]any{"headers": map[string]any{}, "body": w.Body})
	must(err, "event")
	return &v1alpha1.Event{
		Context: &v1alpha1.EventContext{
			ID: "1", Source: source, SpecVersion: "1.0", Type: "github", DataContentType: "application/json",
			Subject: "repository", Time: metav1.Time{Time: w.Time},
		},
		Data: data,
	}
}

// admitted names the dependency that lets an event in (pkg/sensors/listener.go, filterFunc).
func admitted(s *v1alpha1.Sensor, event *v1alpha1.Event) string {
	for _, dependency := range s.Spec.Dependencies {
		if dependency.EventSourceName != event.Context.Source || dependency.EventName != event.Context.Subject {
			continue
		}
		passed, err := dependencies.Filter(event, dependency.Filters, dependency.FiltersLogicalOperator)
		if passed && err == nil {
			return dependency.Name
		}
	}
	return ""
}

// fire does what a sensor does with an event that was let in (pkg/sensors/listener.go, triggerOne).
func fire(ctx context.Context, client dynamic.Interface, s *v1alpha1.Sensor, events map[string]*v1alpha1.Event) any {
	trigger := s.Spec.Triggers[0].DeepCopy()
	must(triggers.ApplyTemplateParameters(events, trigger), "template parameters")
	own := standardk8s.NewStandardK8sTrigger(nil, client, s, trigger, zap.NewNop().Sugar())
	resource, err := own.FetchResource(ctx)
	must(err, "fetch")
	resource, err = own.ApplyResourceParameters(events, resource)
	must(err, "parameters")
	made, err := own.Execute(ctx, events, resource)
	must(err, "execute")
	return made
}

func main() {
	var asked request
	must(json.NewDecoder(os.Stdin).Decode(&asked), "request")
	var bus v1alpha1.EventBus
	var source v1alpha1.EventSource
	var s v1alpha1.Sensor
	read(asked.EventBus, &bus, "EventBus")
	read(asked.EventSource, &source, "EventSource")
	read(asked.Sensor, &s, "Sensor")
	must(eventbus.ValidateEventBus(&bus), "EventBus")
	must(eventsource.ValidateEventSource(&source), "EventSource")
	must(sensor.ValidateSensor(&s, &bus), "Sensor")

	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	must(err, "kubeconfig")
	config.Impersonate.UserName = "system:serviceaccount:" + asked.Namespace + ":" + s.Spec.Template.ServiceAccountName
	client, err := dynamic.NewForConfig(config)
	must(err, "client")

	answers := []any{}
	for _, w := range asked.Events {
		event := w.event(source.Name)
		name := admitted(&s, event)
		if name == "" {
			answers = append(answers, nil)
			continue
		}
		answers = append(answers, fire(context.Background(), client, &s, map[string]*v1alpha1.Event{name: event}))
	}
	must(json.NewEncoder(os.Stdout).Encode(answers), "answer")
}
