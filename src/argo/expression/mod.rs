//! Expressions: `{{…}}` and `{{=…}}` tags, `when` conditions and `depends` logic.
