// Checks a Grafana dashboard's JSON against Grafana's own definitions of dashboards and of the panels it knows: each field has a name and a
// type that Grafana knows, and none is missing. Prints the problems, and the number of panels by type, as one JSON object.
package main

import (
	"encoding/json"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	seen := struct {
		Problems []string       `json:"problems"`
		Panels   map[string]int `json:"panels"`
		Untyped  []string       `json:"untyped"` // panels whose options no definition was found for
	}{[]string{}, map[string]int{}, []string{}}
	var strict, board dashboard.Dashboard
	switch err := strict.UnmarshalJSONStrict(text).(type) {
	case nil:
	case cog.BuildErrors: // may be an empty list
		for _, problem := range err {
			seen.Problems = append(seen.Problems, problem.Error())
		}
	default:
		seen.Problems = append(seen.Problems, err.Error())
	}
	if err := json.Unmarshal(text, &board); err != nil {
		seen.Problems = append(seen.Problems, err.Error())
	}
	for _, entry := range board.Panels {
		if entry.Panel == nil {
			continue // a row
		}
		seen.Panels[entry.Panel.Type]++
		if _, isMap := entry.Panel.Options.(map[string]any); isMap {
			seen.Untyped = append(seen.Untyped, entry.Panel.Type)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		panic(err)
	}
}
