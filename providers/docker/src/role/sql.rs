//! SQL text. Everything that comes from outside is quoted here.

use super::postgres::Mark;

/// Logins that are not the server's own, as one JSON array.
pub(super) const ROLES: &str = "
SELECT coalesce(json_agg(json_build_object(
    'role', r.rolname,
    'can_login', r.rolcanlogin,
    'has_schema', EXISTS (
        SELECT FROM pg_namespace n WHERE n.nspname = r.rolname AND n.nspowner = r.oid),
    'comment', shobj_description(r.oid, 'pg_authid'))), '[]')
FROM pg_roles r WHERE r.rolname NOT LIKE 'pg\\_%';
";

/// Makes sure of a login with a schema of its own in `database`, in one transaction.
///
/// The lock lets several such texts run at once: without it the server refuses one of two that
/// touch the database's own rights. Statements with the password are kept out of the server's log
/// whatever becomes of them.
pub(super) fn ensure(role: &str, database: &str, password: &str, mark: &Mark) -> String {
    let name = identifier(role);
    let database = identifier(database);
    let comment = literal(&serde_json::to_string(mark).unwrap_or_default());
    format!(
        "BEGIN;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL log_min_duration_statement = -1;
SELECT pg_advisory_xact_lock(hashtext('rivetos'));
SELECT 'CREATE ROLE ' || quote_ident({role}) WHERE NOT EXISTS (
    SELECT FROM pg_roles WHERE rolname = {role}) \\gexec
ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD {password};
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA IF NOT EXISTS {name} AUTHORIZATION {name};
ALTER SCHEMA {name} OWNER TO {name};
REVOKE ALL ON SCHEMA {name} FROM PUBLIC;
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {name};
ALTER ROLE {name} IN DATABASE {database} SET search_path = {name}, public;
COMMENT ON ROLE {name} IS {comment};
COMMIT;
",
        role = literal(role),
        password = literal(password),
    )
}

pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    // The escape form reads the same whatever the server's settings are.
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_escapes_its_quotes() {
        assert_eq!(identifier("a\"b; --"), "\"a\"\"b; --\"");
        assert_eq!(literal("o'x\\'"), "E'o''x\\\\'''");
    }
}
