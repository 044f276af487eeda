//! The smallest document of each documented difference: what Argo makes of it, and what is here.

use std::fs;
use std::path::Path;

use super::judge::Judge;
use super::outcome::outcome;
use super::player::{Ends, play};

/// A difference: the templates that show it, a node, and what its line has in Argo and here; empty where there is no such node.
pub(crate) struct Shown {
    name: &'static str,
    templates: &'static str,
    node: &'static str,
    there: &'static str,
    here: &'static str,
}

pub(crate) const SHOWN: [Shown; 30] = [
    Shown {
        name: "expression",
        templates: "
  - name: main
    steps: [[{name: a, template: leaf, hooks: {exit: {template: leaf, expression: \"steps['b'].status == 'x'\"}}}]]",
        node: "w[0]",
        there: "StepGroup Error {} {} unable to evaluate expression 'steps['b'].status == 'x'': cannot fetch status from <nil>",
        here: "StepGroup Error {} {} unable to evaluate expression 'steps['b'].status == 'x'': expression `",
    },
    Shown {
        name: "items",
        templates: "
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf}
      - {name: b, template: bad, withItems: [1, 2, 3, 4]}",
        node: "w.b(3:4)",
        there: "",
        here: "Skipped Error ",
    },
    Shown {
        name: "later",
        templates: "
  - name: main
    dag: {tasks: [{name: a, template: leaf, withItems: [1, 2], onExit: leaf}]}",
        node: "w.a(1:2).onExit",
        there: "",
        here: "Pod Succeeded ",
    },
    Shown {
        name: "reads",
        templates: "
  - name: gives
    container: {image: a, command: [sh, -c, 'echo 1 > /tmp/judge-gives']}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/judge-gives}}]}
  - name: main
    dag:
      tasks:
      - name: a
        template: gives
        withItems: [1]
        hooks:
          exit: {template: leaf, arguments: {parameters: [{name: p, value: '{{tasks.a.outputs.parameters.o}}'}]}}",
        node: "w.a",
        there: "Skipped Error {} {} failed to resolve {{tasks.a.outputs.parameters.o}}",
        here: "TaskGroup Succeeded ",
    },
    Shown {
        name: "left",
        templates: "
  - name: main
    steps: [[{name: a, template: leaf}, {name: b, template: bad}]]",
        node: "w[0].a",
        there: "Pod Pending ",
        here: "Pod Succeeded ",
    },
    Shown {
        name: "never",
        templates: "
  - name: writes
    container: {image: a, command: ['false']}
    outputs: {parameters: [{name: out, valueFrom: {path: /tmp/judge-never-written}}]}
  - name: main
    dag:
      tasks:
      - {name: a, template: writes}
      - name: b
        template: leaf
        depends: a.Failed
        arguments: {parameters: [{name: a, value: '{{tasks.a.outputs.parameters.out}}'}]}",
        node: "w.b",
        there: "",
        here: "Skipped Error ",
    },
    Shown {
        name: "full",
        templates: "
  - name: main
    parallelism: 1
    steps: [[{name: a, template: leaf, hooks: {begun: {template: leaf, expression: \"steps['a'].status == 'Running'\"}}}]]",
        node: "w[0].a.hooks.begun",
        there: "",
        here: "Pod Succeeded ",
    },
    Shown {
        name: "repeated",
        templates: "
  - name: again
    retryStrategy: {limit: 1}
    container: {image: a, command: [sh, -c, '[ {{retries}} -ge 1 ]']}
  - name: main
    failFast: true
    steps: [[{name: a, template: again}]]",
        node: "w",
        there: "Steps Failed {} {} template has failed or errored children and failFast enabled",
        here: "Steps Succeeded ",
    },
    Shown {
        name: "continued",
        templates: "
  - name: broken
    steps: [[{name: s, template: leaf, when: 'a b'}]]
  - name: main
    failFast: true
    steps: [[{name: a, template: broken, continueOn: {failed: true}}, {name: b, template: leaf}]]",
        node: "w",
        there: "Steps Succeeded ",
        here: "Steps Failed {} {} template has failed or errored children and failFast enabled",
    },
    Shown {
        name: "unbegun",
        templates: "
  - name: broken
    steps: [[{name: s, template: leaf, when: 'a b'}]]
  - name: main
    dag: {tasks: [{name: a, template: broken, withItems: [1, 2], onExit: leaf}]}",
        node: "w.a(1:2)",
        there: "",
        here: "Steps Failed ",
    },
    Shown {
        name: "attempt",
        templates: "
  - name: again
    retryStrategy: {limit: 1}
    container: {image: a, command: [echo, x]}
  - name: main
    dag: {tasks: [{name: a, template: again, hooks: {begun: {template: again, expression: \"tasks['a'].status == 'Running'\"}}}]}
    outputs: {parameters: [{name: res, valueFrom: {parameter: '{{tasks.a.outputs.result}}', default: d}}]}",
        node: "w.a",
        there: "Retry Succeeded {} {\"exitCode\": \"0\"} ",
        here: "Retry Succeeded {} {\"exitCode\": \"0\", \"result\": \"x\"} ",
    },
    Shown {
        name: "innermost",
        templates: "
  - name: broken
    steps: [[{name: s, template: leaf, when: 'a b'}]]
  - name: main
    failFast: true
    retryStrategy: {limit: 0}
    steps: [[{name: a, template: broken}, {name: b, template: leaf}]]",
        node: "w(0)[0].a[0]",
        there: "StepGroup Failed {} {} template has failed or errored children and failFast enabled",
        here: "StepGroup Error ",
    },
    Shown {
        name: "crowded",
        templates: "
  - name: many
    parallelism: 1
    steps: [[{name: s, template: leaf, withItems: [1, 2]}]]
  - name: main
    steps: [[{name: a, template: leaf}]]
  hooks: {begun: {template: many, expression: \"workflow.status == 'Running'\"}}",
        node: "(workflow)",
        there: "Workflow Error Max parallelism reached",
        here: "Workflow Succeeded ",
    },
    Shown {
        name: "deep",
        templates: "
  - name: main
    retryStrategy: {limit: 1}
    steps:
    - - {name: a, template: leaf}
      - {name: b, template: pause}
      - {name: c, template: quick, hooks: {exit: {template: leaf, expression: \"steps['x'].status == 'Failed'\"}}}
  - name: pause
    suspend: {duration: 1s}
  - name: quick
    steps: [[{name: s, template: leaf, withItems: []}]]",
        node: "(workflow)",
        there: "Workflow Error error in entry template execution: Maximum recursion depth exceeded.",
        here: "Workflow Failed ",
    },
    Shown {
        name: "first",
        templates: "
  - name: reads
    inputs: {parameters: [{name: p}]}
    container: {image: a, command: ['true']}
  - name: gives
    script: {image: a, command: [sh], source: 'true'}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/judge-first}}]}
  - name: main
    steps:
    - - {name: a, template: gives, when: 'false'}
    - - name: b
        template: reads
        arguments: {parameters: [{name: p, value: '{{=sprig.trunc(2, steps.a.outputs.result)}}'}]}
      - {name: c, template: leaf, when: '{{steps.a.outputs.parameters.o}} != x'}",
        node: "w[1]",
        there: "StepGroup Error {} {} failed to resolve references: unable to substitute ",
        here: "StepGroup Error {} {} failed to resolve references: failed to evaluate expression: ",
    },
    Shown {
        name: "inline",
        templates: "
  - name: main
    steps: [[{name: a, templateRef: {name: shared, template: outer}, arguments: {parameters: [{name: p, value: x}]}}]]
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared}
spec:
  templates:
  - name: outer
    inputs: {parameters: [{name: p}]}
    steps:
    - - name: s
        arguments: {parameters: [{name: q, value: z}]}
        inline:
          inputs: {parameters: [{name: q}, {name: r, default: '{{=inputs.parameters.p}}'}]}
          container: {image: a, command: ['true']}",
        node: "w[0].a[0].s",
        there: "Pod Succeeded {\"q\": \"z\", \"r\": \"{{=inputs.parameters.p}}\"} ",
        here: "Pod Succeeded {\"q\": \"z\", \"r\": \"x\"} ",
    },
    Shown {
        name: "another",
        templates: "
  - name: fails
    retryStrategy: {limit: 1}
    container: {image: a, command: ['false']}
  - name: ends
    retryStrategy: {limit: 1}
    container: {image: a, command: ['true']}
  - name: main
    steps: [[{name: a, template: fails, hooks: {begun: {template: ends, expression: \"steps['a'].status == 'Running'\"}}}]]",
        node: "w[0].a(1)",
        there: "",
        here: "Pod Failed ",
    },
    Shown {
        name: "given",
        templates: "
  - name: again
    retryStrategy: {limit: 1}
    container: {image: a, command: ['true']}
  - name: gives
    retryStrategy: {limit: 0}
    script: {image: a, command: [sh], source: 'true'}
    outputs: {parameters: [{name: o, valueFrom: {path: /tmp/judge-none, default: d}}]}
  - name: main
    steps: [[{name: a, template: again, hooks: {begun: {template: gives, expression: \"steps['a'].status == 'Running'\"}}}]]",
        node: "w[0].a.hooks.begun",
        there: "Retry Succeeded {} {\"exitCode\": \"0\"} ",
        here: "Retry Succeeded {} {\"exitCode\": \"0\", \"o\": \"d\"} ",
    },
    Shown {
        name: "beyond",
        templates: "
  - name: main
    retryStrategy: {limit: 0}
    steps: [[{name: a, template: leaf}, {name: b, template: bad}]]",
        node: "w(1)",
        there: "Steps Failed ",
        here: "",
    },
    Shown {
        name: "erred",
        templates: "
  - name: main
    dag:
      tasks:
      - {name: e, template: leaf}
      - {name: f, template: leaf}
      - {name: c, template: leaf, depends: f}
      - name: a
        template: leaf
        depends: e && c
        when: 'false'
        hooks: {ended: {template: leaf, expression: \"tasks['z'].status == 'x'\"}}
      - {name: b, template: leaf, depends: e, onExit: leaf}",
        node: "w.b.onExit",
        there: "",
        here: "Pod Succeeded ",
    },
    Shown {
        name: "handed",
        templates: "
  - name: broken
    memoize: {key: bad_key, cache: {configMap: {name: c}}}
    container: {image: a, command: ['true']}
  - name: main
    steps: [[{name: a, template: leaf, hooks: {begun: {template: broken, expression: \"steps['a'].status == 'Running'\"}}}]]",
        node: "w[0]",
        there: "StepGroup Error {} {} invalid cache key: bad_key",
        here: "StepGroup Succeeded ",
    },
    Shown {
        name: "beside",
        templates: "
  - name: kept
    retryStrategy: {limit: 1}
    memoize: {key: k, maxAge: '', cache: {configMap: {name: c}}}
    container: {image: a, command: ['true']}
  - name: main
    dag: {tasks: [{name: b, template: leaf}, {name: a, template: kept}, {name: c, template: kept, depends: b}]}",
        node: "w.c(0)",
        there: "",
        here: "Pod Succeeded ",
    },
    Shown {
        name: "memoized",
        templates: "
  - name: kept
    retryStrategy: {limit: 1}
    memoize: {key: k, maxAge: '', cache: {configMap: {name: c}}}
    container: {image: a, command: ['true']}
  - name: main
    steps: [[{name: a, template: kept, hooks: {begun: {template: leaf, expression: \"steps['a'].status == 'Running'\"}}}]]",
        node: "w[0].a.hooks.begun",
        there: "",
        here: "Pod Succeeded ",
    },
    Shown {
        name: "marked",
        templates: "
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf, hooks: {begun: {template: bad, expression: \"tasks['a'].status == 'Running'\"}}}
      - {name: b, template: leaf}",
        node: "w.a",
        there: "Pod Succeeded {} {\"exitCode\": \"0\"} invalid cache key: bad_key",
        here: "Pod Error {} {\"exitCode\": \"0\"} invalid cache key: bad_key",
    },
    Shown {
        name: "asked",
        templates: "
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf, hooks: {begun: {template: leaf, expression: \"tasks['z'].status == 'x'\"}}}
      - {name: b, template: leaf, depends: a}
      - {name: c, template: leaf}",
        node: "(workflow)",
        there: "Workflow Succeeded ",
        here: "Workflow Error ",
    },
    Shown {
        name: "whole",
        templates: "
  - name: main
    dag: {tasks: [{name: a, template: leaf}]}
  hooks: {begun: {template: bad, expression: \"workflow.status == 'Succeeded'\"}}",
        node: "(workflow)",
        there: "Workflow Succeeded ",
        here: "Workflow Error invalid cache key: bad_key",
    },
    Shown {
        name: "place",
        templates: "
  - name: set
    containerSet: {containers: [{name: main, image: a, command: ['true']}]}
  - name: main
    parallelism: 1
    dag: {tasks: [{name: a, template: set}, {name: b, template: leaf, depends: a}, {name: c, template: leaf, depends: a}]}",
        node: "(workflow)",
        there: "Workflow Error was unable to obtain child node for child",
        here: "Workflow Succeeded ",
    },
    Shown {
        name: "container",
        templates: "
  - name: set
    retryStrategy: {limit: 0}
    containerSet: {containers: [{name: main, image: a, command: ['true']}]}
  - name: main
    steps: [[{name: a, template: set, hooks: {begun: {template: set, expression: \"steps['a'].status == 'Running'\"}}}]]",
        node: "w[0].a.hooks.begun.main",
        there: "Container Succeeded ",
        here: "",
    },
    Shown {
        name: "handlers",
        templates: "
  - name: kept
    memoize: {key: k, maxAge: '', cache: {configMap: {name: c}}}
    container: {image: a, command: ['true']}
  - name: inner
    dag: {tasks: [{name: s, template: leaf}]}
  - name: main
    dag: {tasks: [{name: a, template: inner, withItems: [1, 2], onExit: kept}]}",
        node: "w.a.onExit",
        there: "",
        here: "Pod Succeeded ",
    },
    Shown {
        name: "ran",
        templates: "
  - name: kept
    retryStrategy: {limit: 1}
    memoize: {key: k, maxAge: '', cache: {configMap: {name: c}}}
    container: {image: a, command: ['true']}
  - name: inner
    dag: {tasks: [{name: a, template: bad, onExit: kept}]}
  - name: main
    steps:
    - - {name: a, template: inner, continueOn: {failed: true, error: true}}
    - - {name: b, template: kept}",
        node: "w[1].b(0)",
        there: "Pod Succeeded ",
        here: "",
    },
];

impl Shown {
    /// What is not as it is said to be.
    pub(crate) fn fault(&self, judge: &Judge, directory: &Path) -> Option<String> {
        let file = directory.join(format!("{}.yaml", self.name));
        let head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w, namespace: default}\nspec:\n  entrypoint: main\n  templates:
  - {name: leaf, container: {image: a, command: ['true']}}
  - {name: bad, memoize: {key: bad_key, maxAge: '', cache: {configMap: {name: c}}}, container: {image: a, command: ['true']}}";
        fs::write(&file, format!("{head}{}\n", self.templates)).unwrap();

        let theirs = outcome(&judge.runs(std::slice::from_ref(&file), Ends::Together).remove(0)?);
        let ours = match play(&file, Ends::Together) {
            Ok(ours) => outcome(&ours),
            Err(why) => return Some(format!("{}: {why}", self.name)),
        };
        let is = |outcome: Option<&String>, expected: &str| match outcome {
            Some(line) => !expected.is_empty() && line.starts_with(expected),
            None => expected.is_empty(),
        };
        let (there, here) = (theirs.get(self.node), ours.get(self.node));
        let shown = is(there, self.there) && is(here, self.here);
        (!shown).then(|| format!("{}: {} in Argo {there:?}, here {here:?}", self.name, self.node))
    }
}
