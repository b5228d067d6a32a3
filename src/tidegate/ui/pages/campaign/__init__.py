"""The retention manager's page: whom to contact, and what it brought."""
