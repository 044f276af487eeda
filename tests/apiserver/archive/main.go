// Argo's command line, of which tests use argo-server, and what Argo's controller does when it archives workflows: it makes
// the tables of the archive, and writes workflows into them.
//
// `archive PORT` reads a JSON list of workflows from standard input and writes them into PostgreSQL's own database, as the user
// `archive` with the password `archive`, at that port of this machine. All other arguments are those of argo.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	_ "k8s.io/client-go/plugin/pkg/client/auth"

	"github.com/argoproj/argo-workflows/v4/cmd/argo/commands"
	"github.com/argoproj/argo-workflows/v4/config"
	persist "github.com/argoproj/argo-workflows/v4/persist/sqldb"
	wfv1 "github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1"
	"github.com/argoproj/argo-workflows/v4/util/instanceid"
	"github.com/argoproj/argo-workflows/v4/util/logging"
	"github.com/argoproj/argo-workflows/v4/util/sqldb"
)

const name = "archive"

func archive(port string) error {
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	var workflows []wfv1.Workflow
	if err := json.NewDecoder(os.Stdin).Decode(&workflows); err != nil {
		return err
	}
	database := config.DatabaseConfig{Host: "127.0.0.1", Port: number, Database: "postgres", TableName: "argo_workflows"}
	settings := config.PersistConfig{DBConfig: config.DBConfig{PostgreSQL: &config.PostgreSQLConfig{DatabaseConfig: database}}}
	table, err := persist.GetTableName(&settings)
	if err != nil {
		return err
	}
	ctx := logging.WithLogger(context.Background(), logging.NewSlogLogger(logging.Warn, logging.Text))
	proxy, err := sqldb.NewSessionProxy(ctx, sqldb.SessionProxyConfig{DBConfig: settings.DBConfig, Username: name, Password: name})
	if err != nil {
		return err
	}
	if err := persist.Migrate(ctx, proxy.Session(), settings.GetClusterName(), table, proxy.DBType()); err != nil {
		return err
	}
	kept := persist.NewWorkflowArchive(proxy, settings.GetClusterName(), "", instanceid.NewService(""))
	for _, workflow := range workflows {
		if err := kept.ArchiveWorkflow(ctx, &workflow); err != nil {
			return fmt.Errorf("%s: %w", workflow.Name, err)
		}
	}
	return nil
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == name {
		if err := archive(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := commands.NewCommand().Execute(); err != nil {
		os.Exit(1)
	}
}
