-- What a database holds besides its schema text, one JSON array a line. Read by portrait.rs.
-- The first element is the kind, the second the schema or '' and the third the name.
-- :by_root is on to count the rows of partitioned tables at the root only.
SET search_path = pg_catalog;

SELECT json_build_array('property', '', k, v)
FROM pg_database d, LATERAL (VALUES
  ('owner', pg_get_userbyid(datdba)::text),
  ('encoding', pg_encoding_to_char(encoding)::text),
  ('locale', concat_ws(' ', datlocprovider, datcollate, datctype,
                       to_jsonb(d) ->> 'daticulocale', to_jsonb(d) ->> 'datlocale')),
  ('template', datistemplate::text),
  ('connections', datconnlimit::text),
  ('comment', shobj_description(d.oid, 'pg_database'))) AS p(k, v)
WHERE datname = current_database();

SELECT json_build_array('property', '', 'right', grantor::regrole, grantee::regrole, privilege_type, is_grantable)
FROM pg_database d, aclexplode(coalesce(datacl, acldefault('d', datdba)))
WHERE datname = current_database();

SELECT json_build_array('property', '', 'setting', setrole::regrole, setting)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(setconfig) AS setting
WHERE datname = current_database();

SELECT json_build_array('extension', n.nspname, extname, extversion)
FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace;

SELECT json_build_array('materialized view', n.nspname, relname, relispopulated)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'm';

SELECT json_build_array('large object', '', oid, pg_get_userbyid(lomowner), obj_description(oid, 'pg_largeobject'),
  (SELECT json_agg(a::text ORDER BY a::text)
   FROM aclexplode(coalesce(lomacl, acldefault('L', lomowner))) x,
        LATERAL (SELECT concat_ws(' ', x.grantor::regrole, x.grantee::regrole, x.privilege_type, x.is_grantable)) a),
  md5(lo_get(oid)))
FROM pg_largeobject_metadata;

SELECT format('SELECT json_build_array(''sequence'', %L, %L, last_value, is_called) FROM %I.%I',
              n.nspname, relname, n.nspname, relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'S' AND relpersistence <> 't' AND NOT (relpersistence = 'u' AND pg_is_in_recovery())
\gexec

-- Columns by name: inheritance may bring them in another order, which is the schema text's business.
-- A multiset hash: two sums over halves of md5 per row. Rows of a hash-partitioned tree are counted at
-- its root only: which leaf takes a row depends on OIDs of enum values and on the encoding. A root with
-- a foreign leaf is not read.
SELECT format($$
  SELECT json_build_array('rows', %L, %L, count(*),
    sum(('x' || left(h, 16))::bit(64)::bigint)::text, sum(('x' || right(h, 16))::bit(64)::bigint)::text)
  FROM (SELECT md5(%s) AS h FROM %s %I.%I AS d) AS r $$,
  n.nspname, relname,
  format(CASE WHEN getdatabaseencoding() = 'SQL_ASCII' THEN 'ROW(%s)::text' ELSE 'convert_to(ROW(%s)::text, ''UTF8'')' END,
         (SELECT string_agg(format('d.%I', attname), ', ' ORDER BY attname COLLATE "C")
          FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)),
  CASE WHEN relkind = 'p' THEN '' ELSE 'ONLY' END, n.nspname, relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE n.nspname <> ALL ('{pg_catalog,information_schema,pg_toast}')
  AND relpersistence <> 't' AND NOT (relpersistence = 'u' AND pg_is_in_recovery())
  AND CASE relkind
    WHEN 'p' THEN NOT relispartition AND NOT EXISTS (
      SELECT FROM pg_partition_tree(c.oid) l JOIN pg_class f ON f.oid = l.relid WHERE f.relkind = 'f')
    WHEN 'm' THEN relispopulated
    WHEN 'r' THEN NOT relispartition OR :'by_root' <> 'on' AND NOT EXISTS (
      SELECT FROM pg_partition_ancestors(c.oid) a JOIN pg_partitioned_table p ON p.partrelid = a.relid
      WHERE p.partstrat = 'h')
    ELSE false END
\gexec
