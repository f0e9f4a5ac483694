CREATE SCHEMA oracle;
CREATE FUNCTION oracle.state() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE name text; one text; whole text := '';
BEGIN
  FOREACH name IN ARRAY ARRAY['customers', 'orders', 'keyless', 'victims', 'triggered', 'ruled', 'deferred',
      'parts', 'defaulted', 'summary', 'Mixed "Case'] LOOP
    BEGIN
      EXECUTE format('SELECT md5(coalesce(string_agg(t::text, ''|'' ORDER BY t::text), '''')) FROM public.%I t', name) INTO one;
    EXCEPTION WHEN others THEN one := SQLSTATE;
    END;
    whole := whole || name || '=' || coalesce(one, '') || ';';
  END LOOP;
  SELECT whole || coalesce(string_agg(format('%s %s %s %s %s %s', c.oid, c.relname, c.relkind, c.relacl, c.relowner, c.relpersistence), '|' ORDER BY c.oid), '')
    INTO whole FROM pg_class c WHERE c.relnamespace IN ('public'::regnamespace, 'evil'::regnamespace);
  SELECT whole || coalesce(string_agg(format('%s %s %s', attrelid, attname, atttypid), '|' ORDER BY attrelid, attnum), '')
    INTO whole FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace;
  SELECT whole || coalesce(string_agg(format('%s %s', tgname, tgenabled), '|' ORDER BY oid), '') INTO whole FROM pg_trigger;
  SELECT whole || coalesce(string_agg(format('%s %s %s', oid, prosecdef, proacl), '|' ORDER BY oid), '') INTO whole
    FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'evil'::regnamespace);
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_roles r;
  SELECT whole || coalesce(string_agg(rolname || coalesce(rolpassword, ''), '|' ORDER BY oid), '') INTO whole FROM pg_authid;
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_db_role_setting r;
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_default_acl r;
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_policy r;
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_database r;
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_largeobject r;
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_prepared_xacts r;
  SELECT whole || coalesce(string_agg(r::text, '|' ORDER BY r::text), '') INTO whole FROM pg_rewrite r WHERE ev_class >= 16384;
  RETURN md5(whole);
END $$;
CREATE FUNCTION oracle.number() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT last_value FROM public.numbers';
