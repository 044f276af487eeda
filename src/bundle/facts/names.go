// Prints names.json: what the templates of the sensor give for some events, by the libraries that Argo Events uses
// (pkg/sensors/triggers/params.go, getValueWithTemplate). Arguments: the templates of a push, of a pull request, and of the window.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

func render(text string, input any) string {
	var read any
	data, _ := json.Marshal(input)
	if err := json.Unmarshal(data, &read); err != nil {
		panic(err)
	}
	var out bytes.Buffer
	parsed := template.Must(template.New("param").Funcs(sprig.FuncMap()).Parse(text))
	if err := parsed.Execute(&out, map[string]any{"Input": read}); err != nil {
		panic(err)
	}
	return out.String()
}

func main() {
	push, pull, window := os.Args[1], os.Args[2], os.Args[3]
	type event struct {
		owner, repository, ref string
		number                 int64
		time                   string
	}
	events := []event{
		{"exampleorg", "sample", "refs/heads/main", 0, "2026-11-29T16:00:00Z"},
		{"exampleorg", "sample", "refs/heads/main", 0, "2026-11-29T16:00:14Z"},
		{"exampleorg", "sample", "refs/heads/main", 0, "2026-11-29T16:00:15Z"},
		{"exampleorg", "sample", "refs/heads/main", 0, "2026-11-29T17:00:15+01:00"},
		{"ExampleOrg", "Sam.ple_X", "refs/heads/feature/A-b", 0, "2026-11-29T16:00:00Z"},
		{"exampleorg", "sample", "refs/heads/feature/a-b", 0, "2026-11-29T16:00:00Z"},
		{"exampleorg", "sample", "refs/tags/v1.2", 0, "2026-11-29T16:00:00Z"},
		{"group/sub", "a-very-long-name-of-a-repository", "refs/heads/and-a-long-branch", 0, "2026-11-29T16:00:00Z"},
		{"exampleorg", "x", "refs/heads/grün/ß", 0, "2026-11-29T16:00:00Z"},
		{"exampleorg", "x23456789012345678901234567", "refs/heads/ab/cdef", 0, "2026-11-29T16:00:00Z"},
		{"exampleorg", "sample", "", 7, "2026-11-29T16:00:00Z"},
		{"exampleorg", "sample", "", 12345678, "1970-01-01T00:00:20Z"},
	}
	facts := []map[string]any{}
	for _, e := range events {
		text := push
		body := map[string]any{"ref": e.ref, "repository": map[string]any{"name": e.repository, "full_name": e.owner + "/" + e.repository}}
		fact := map[string]any{"owner": e.owner, "repository": e.repository, "ref": e.ref, "time": e.time, "window": window}
		if e.number != 0 {
			text = pull
			body["number"] = e.number
			fact["number"] = e.number
		}
		fact["template"] = text
		fact["name"] = render(text, map[string]any{"body": body}) + render(window, map[string]any{"time": e.time})
		facts = append(facts, fact)
	}
	out, _ := json.MarshalIndent(facts, "", " ")
	fmt.Println(string(out))
}
